#!/usr/bin/env bash
# Clients that are not ours, against a running server: openid-client, and Debian's python3-authlib.
# Starts what is needed by itself. The exit code is theirs: 0 when every check held.
set -eu
cd "$(dirname "$(readlink -f "$0")")/../.."

absent=
for package in python3-authlib python3-requests; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok' || absent="$absent $package"
done
if [ -n "$absent" ]; then
  [ "$(id -u)" = 0 ] || { echo "not installed, and only root can:$absent" >&2; exit 1; }
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q >/dev/null
  # shellcheck disable=SC2086
  apt-get install -y -q --no-install-recommends $absent >/dev/null
fi

exec node_modules/.bin/node test/verify/oidc-clients.ts
