#!/usr/bin/env bash
# Every workflow of ours, in templates and pages, and the action's own file, read by actionlint, which is not
# ours, in a folder that is thrown away. Needs Debian's Go 1.19 and the Go module proxy: where nobody answers
# there it says so, loudly, and nothing was checked. Exit code 0 when every one is good.
set -eu
cd "$(dirname "$(readlink -f "$0")")/../.."

place=$(mktemp -d)
trap 'chmod -R u+w "$place"; rm -rf "$place"' EXIT
# The newest that Go 1.19 builds. It does not know `node24` yet.
GO111MODULE=on GOFLAGS= GOPATH=$place/go GOCACHE=$place/cache GOBIN=$place \
  /usr/lib/go-1.19/bin/go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.7 2>"$place/log" || {
  grep -qE 'dial tcp|timeout|no such host|connection|EOF|Forbidden|Bad Gateway' "$place/log" || { cat "$place/log"; exit 1; }
  echo 'NOT CHECKED: actionlint could not be had from the Go module proxy; no workflow was read by it here'
  exit 0
}
node_modules/.bin/node test/verify/workflows.ts "$place/repository"
cd "$place/repository"
lint() { "$place/actionlint" -no-color -shellcheck= -pyflakes= -ignore '"node24"' "$@"; }
lint
echo "actionlint: $(ls .github/workflows | tr '\n' ' ')"

# A reader that accepts everything would have passed so far.
refused() {
  sed "$1" .github/workflows/use-in-github-actions-1.yml >wrong.yml
  cmp -s wrong.yml .github/workflows/use-in-github-actions-1.yml && { echo "nothing was changed: $1"; exit 1; }
  if lint wrong.yml >/dev/null; then echo "was accepted: $1"; exit 1; fi
}
refused 's/id-token: write/id-token: yes/'
refused 's/purpose: refresh/porpoise: refresh/'
refused 's/ubuntu-latest/ubuntu-lately/'
echo 'a permission, an input and a runner that do not exist are refused'
