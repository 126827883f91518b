#!/usr/bin/env bash
# A log of ours, checked by programs that are not: Go's checksum database packages (Debian) accept its
# checkpoints and proofs and refuse what was tampered with, and Python's cryptography (Debian) the
# signature of DSSE envelopes given as arguments.
#
#   run.sh [KEY ENVELOPE.json]
#
# Exit code 0 when every check held.
set -eu
here=$(dirname "$(readlink -f "$0")")
cd "$here/../.."

absent=
for package in golang-1.19-go golang-golang-x-mod-dev python3-cryptography; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok' || absent="$absent $package"
done
if [ -n "$absent" ]; then
  [ "$(id -u)" = 0 ] || { echo "not installed, and only root can:$absent" >&2; exit 1; }
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q >/dev/null
  # shellcheck disable=SC2086
  apt-get install -y -q --no-install-recommends $absent >/dev/null
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
gopath=$(dpkg -L golang-golang-x-mod-dev | grep -m1 'gocode$')
GO111MODULE=off GOFLAGS= GOPATH=$gopath GOCACHE=$work/cache \
  /usr/lib/go-1.19/bin/go build -o "$work/verify" "$here/main.go"

node_modules/.bin/node "$here/make-bundle.ts" "$work/bundle.json"
"$work/verify" "$work/bundle.json"

# A verifier that accepts everything would have passed so far.
sed 's/index 256/index 255/' "$work/bundle.json" >"$work/wrong.json"
cmp -s "$work/bundle.json" "$work/wrong.json" && { echo "nothing was changed" >&2; exit 1; }
if "$work/verify" "$work/wrong.json" >"$work/wrong"; then
  echo "a proof with another index was accepted" >&2
  exit 1
fi
grep -q 'NOT ACCEPTED: entry 5' "$work/wrong"
echo "a proof with another index is refused"

/usr/bin/python3 "$here/dsse.py" --self-test
[ $# -eq 0 ] || /usr/bin/python3 "$here/dsse.py" "$@"
