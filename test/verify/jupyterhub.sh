#!/usr/bin/env bash
# The connector of declared systems against JupyterHub, a real server that is not ours, in a folder that is
# thrown away: the whole kit runs by connectors/declared/systems/jupyterhub.yaml. Needs python3 with venv, and
# PyPI: where nobody answers there it says so, loudly, and nothing was checked. Else the exit code is the tests'.
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
"$place/venv/bin/pip" install -q --no-compile --disable-pip-version-check 'jupyterhub==5.4.3' || {
  # Ours can not be the reason: what is installed is named to the last digit.
  echo 'NOT CHECKED: JupyterHub could not be installed from PyPI; what is said of it in docs/connectors/declared.md was not seen here'
  exit 0
}
word() { "$place/venv/bin/python" -c 'import secrets; print(secrets.token_hex(24))'; }
HUB_PORT=$("$place/venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
HUB_ADMIN=$(word) HUB_PROBE=$(word) HUB_ORACLE=$(word)
export HUB_PORT HUB_ADMIN HUB_PROBE HUB_ORACLE
here=$PWD
(cd "$place" && exec venv/bin/jupyterhub -f "$here/test/verify/jupyterhub_config.py") >"$place/log" 2>&1 &
server=$!
for _ in $(seq 150); do
  grep -q 'JupyterHub is now running' "$place/log" && break
  kill -0 "$server" 2>/dev/null || break
  sleep 0.2
done
grep -q 'JupyterHub is now running' "$place/log" || { echo 'JupyterHub did not start' >&2; tail -n 20 "$place/log" >&2; exit 1; }
LEASEHOLD_JUPYTERHUB_URL=http://127.0.0.1:$HUB_PORT npm exec --no -- vitest run test/verify/jupyterhub.test.ts
