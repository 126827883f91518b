#!/usr/bin/env bash
# Runs what docs/how-to/verify-with-other-tools.md shows, as it stands there, on the certificate of a
# played day, and sees it refuse what was changed. Needs what run.sh installs.
#
#   page.sh
#
# Exit code 0 when the true certificate is accepted and each changed one is not.
set -eu
here=$(dirname "$(readlink -f "$0")")
cd "$here/../.."
page=docs/how-to/verify-with-other-tools.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# cut LANGUAGE: the one block of that language.
cut_block() { sed -n "/^\`\`\`$1\$/,/^\`\`\`\$/p" "$page" | sed '1d;$d'; }
cut_block python >"$work/certificate.py"
cut_block go >"$work/log.go"
[ -s "$work/certificate.py" ] && [ -s "$work/log.go" ] || { echo "the page shows no programs" >&2; exit 1; }

node_modules/.bin/node "$here/make-certificate.ts" "$work/true.json" "$work/trusted-key.pub"
gopath=$(dpkg -L golang-golang-x-mod-dev | grep -m1 'gocode$')
cd "$work"
GO111MODULE=off GOFLAGS= GOPATH=$gopath GOCACHE=$work/cache /usr/lib/go-1.19/bin/go build -o log log.go

# accept FILE: both steps.
accept() {
  rm -f leaf proof vkey
  /usr/bin/python3 certificate.py "$1" "$(cat trusted-key.pub)" >vkey 2>said && ./log vkey leaf proof >>said 2>&1
}

accept true.json || { cat said; echo "the true certificate is not accepted" >&2; exit 1; }
cat said

# change NAME EXPRESSION: a certificate with one thing changed must be refused.
refused=0
change() {
  /usr/bin/python3 - "$2" <<'PY'
import json, sys
file = json.load(open("true.json"))
flip = lambda text, at: text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1:]
exec(sys.argv[1])
json.dump(file, open("changed.json", "w"))
PY
  cmp -s true.json changed.json && { echo "nothing was changed" >&2; exit 1; }
  if accept changed.json; then
    echo "NOT REFUSED: $1 changed" >&2
    exit 1
  fi
  refused=$((refused + 1))
}
change 'the payload' 'file["payload"] = flip(file["payload"], 40)'
change 'the payload type' 'file["payloadType"] += "x"'
change 'the signature' 'file["signatures"][0]["sig"] = flip(file["signatures"][0]["sig"], 9)'
change 'the key table' 'file["keys"]["body"] = file["keys"]["body"].replace("active", "actixe", 1)'
change 'the facts' 'file["entry"]["facts"] = file["entry"]["facts"].replace("certificateHash", "certificateHasx")'
change 'the salt' 'file["entry"]["factsSalt"] = flip(file["entry"]["factsSalt"], 3)'
change 'the leaf' 'file["entry"]["leaf"] = file["entry"]["leaf"].replace("\"at\":\"2", "\"at\":\"1")'
change 'the path' 'n = file["tlogProof"].index("\n", 40) + 5; file["tlogProof"] = flip(file["tlogProof"], n)'
change 'the checkpoint' 'n = file["tlogProof"].index("\n\n") + 3; file["tlogProof"] = flip(file["tlogProof"], n)'
printf '0%.0s' $(seq 64) >trusted-key.pub
if accept true.json; then echo "NOT REFUSED: another root key" >&2; exit 1; fi
echo "accepted as it is, refused with each of $((refused + 1)) things changed"
