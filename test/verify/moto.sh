#!/usr/bin/env bash
# The connector for AWS against moto, an emulator that is not ours, in a folder that is thrown away.
# Needs python3 with venv, and PyPI: where nobody answers there it says so, loudly, and nothing was checked. Else the
# exit code is the tests': 0 when every one held.
set -eu
cd "$(dirname "$(readlink -f "$0")")/../.."

place=$(mktemp -d)
server=
cleanup() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  rm -rf "$place"
}
trap cleanup EXIT

python3 -m venv "$place/venv" || { echo 'python3 has no venv: Debian has it as python3-venv' >&2; exit 1; }
"$place/venv/bin/pip" install -q --no-compile --disable-pip-version-check 'moto[server,iam,sts]==5.2.5' || {
  # Ours can not be the reason: what is installed is named to the last digit.
  echo 'NOT CHECKED: moto could not be installed from PyPI; what is said of it in docs/connectors/aws.md was not seen here'
  exit 0
}
# Port 0: it says which one it was given.
"$place/venv/bin/moto_server" -H 127.0.0.1 -p 0 >"$place/log" 2>&1 &
server=$!
url=
for _ in $(seq 100); do
  url=$(grep -oE 'http://127\.0\.0\.1:[0-9]+' "$place/log" | head -n 1) || true
  [ -z "$url" ] || break
  kill -0 "$server" 2>/dev/null || break
  sleep 0.2
done
[ -n "$url" ] || { echo 'moto did not start' >&2; tail -n 20 "$place/log" >&2; exit 1; }
LEASEHOLD_MOTO_URL=$url npm exec --no -- vitest run test/verify/moto.test.ts
