// Verify checks a log of ours with the packages of Go's checksum database, which know nothing of us:
// golang.org/x/mod/sumdb/note for checkpoints, golang.org/x/mod/sumdb/tlog for proofs.
//
//	verify BUNDLE.json
//
// It accepts every checkpoint, inclusion and consistency proof of the bundle, and then sees each of
// them refused when one thing is changed. Exit 0 only when both held, for at least one of each.
package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type bundle struct {
	Vkey   string
	Proofs []struct {
		Leaf  string // the hashed text
		Proof string // a c2sp.org/tlog-proof@v1 file
	}
	Consistency []struct {
		From, To string // signed checkpoints
		Path     []string
	}
}

type checkpoint struct {
	size int64
	root tlog.Hash
}

var held, broken int

func main() {
	if len(os.Args) != 2 {
		fail(errors.New("usage: verify BUNDLE.json"))
	}
	raw, err := os.ReadFile(os.Args[1])
	fail(err)
	var b bundle
	fail(json.Unmarshal(raw, &b))
	verifier, err := note.NewVerifier(b.Vkey)
	fail(err)
	if len(b.Proofs) == 0 || len(b.Consistency) == 0 {
		fail(errors.New("the bundle holds nothing to verify"))
	}
	for i, p := range b.Proofs {
		checkInclusion(fmt.Sprintf("entry %d", i), verifier, p.Leaf, p.Proof)
	}
	for i, c := range b.Consistency {
		checkConsistency(fmt.Sprintf("consistency %d", i), verifier, c.From, c.To, c.Path)
	}
	fmt.Printf("%d checks held, %d did not\n", held, broken)
	if broken > 0 || held == 0 {
		os.Exit(1)
	}
}

func checkInclusion(name string, v note.Verifier, leaf, proof string) {
	index, path, signed, err := parseProof(proof)
	fail(err)
	must(name, nil == includes(v, leaf, index, path, signed))
	mustNot(name+" with a flipped record", includes(v, flip(leaf), index, path, signed))
	mustNot(name+" with a flipped checkpoint", includes(v, leaf, index, path, flip(signed)))
	mustNot(name+" at the next index", includes(v, leaf, index+1, path, signed))
	if index > 0 {
		mustNot(name+" at the index before", includes(v, leaf, index-1, path, signed))
	}
	if len(path) > 0 {
		changed := append(tlog.RecordProof{}, path...)
		changed[len(changed)-1][0] ^= 1
		mustNot(name+" with a flipped path", includes(v, leaf, index, changed, signed))
		mustNot(name+" with a shorter path", includes(v, leaf, index, path[1:], signed))
	}
}

func checkConsistency(name string, v note.Verifier, from, to string, hashes []string) {
	path := make(tlog.TreeProof, len(hashes))
	for i, text := range hashes {
		hash, err := tlog.ParseHash(text)
		fail(err)
		path[i] = hash
	}
	must(name, nil == continues(v, from, to, path))
	mustNot(name+" backwards", continues(v, to, from, path))
	mustNot(name+" with a flipped checkpoint", continues(v, from, flip(to), path))
	if len(path) > 0 {
		changed := append(tlog.TreeProof{}, path...)
		changed[0][31] ^= 1
		mustNot(name+" with a flipped path", continues(v, from, to, changed))
		mustNot(name+" without a path", continues(v, from, to, nil))
	}
}

// includes is nil when the leaf is in the log at index, by a checkpoint v signed.
func includes(v note.Verifier, leaf string, index int64, path tlog.RecordProof, signed string) error {
	head, err := open(v, signed)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(path, head.size, head.root, index, tlog.RecordHash([]byte(leaf)))
}

// continues is nil when the log at `to` is the log at `from` with entries added.
func continues(v note.Verifier, from, to string, path tlog.TreeProof) error {
	older, err := open(v, from)
	if err != nil {
		return err
	}
	newer, err := open(v, to)
	if err != nil {
		return err
	}
	return tlog.CheckTree(path, newer.size, newer.root, older.size, older.root)
}

// open reads a c2sp.org/tlog-checkpoint whose signature is v's and whose origin is v's name.
func open(v note.Verifier, signed string) (checkpoint, error) {
	opened, err := note.Open([]byte(signed), note.VerifierList(v))
	if err != nil {
		return checkpoint{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || lines[0] != v.Name() {
		return checkpoint{}, errors.New("not a checkpoint of this log")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return checkpoint{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return checkpoint{size, root}, err
}

// parseProof reads c2sp.org/tlog-proof@v1.
func parseProof(text string) (index int64, path tlog.RecordProof, signed string, err error) {
	head, signed, found := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return 0, nil, "", errors.New("not a proof file")
	}
	index, err = strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	if err != nil {
		return 0, nil, "", err
	}
	for _, line := range lines[2:] {
		raw, err := base64.StdEncoding.Strict().DecodeString(line)
		if err != nil || len(raw) != tlog.HashSize {
			return 0, nil, "", fmt.Errorf("not a hash: %q", line)
		}
		var hash tlog.Hash
		copy(hash[:], raw)
		path = append(path, hash)
	}
	return index, path, signed, nil
}

// flip changes the one byte in the middle of a text's first line.
func flip(text string) string {
	raw := []byte(text)
	at := strings.IndexByte(text+"\n", '\n') / 2
	raw[at] ^= 1
	return string(raw)
}

func must(name string, ok bool) {
	if ok {
		held++
		return
	}
	broken++
	fmt.Println("NOT ACCEPTED:", name)
}

func mustNot(name string, refusal error) {
	if refusal != nil {
		held++
		return
	}
	broken++
	fmt.Println("NOT REFUSED:", name)
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}
