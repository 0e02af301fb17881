package origin

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"strconv"
	"sync"
)

// officialFile has the fingerprints of VTAB-1k's lists. scripts/make_vtab_fingerprints.py made it. Caltech-101 is not in it: TFDS drew
// its images from names in the order of a file system, so copies differ.
//
//go:embed official.csv
var officialFile []byte

// list is what is known about an official list. Digests are "" if they are unknown.
type list struct {
	name    string // train800, val200 or test
	records int    // of the split in TFDS
	first   int    // position of the list's first image in it
	images  int
	keys    string // see Digest
	labels  string
}

// official has the lists by task.
var official = sync.OnceValue(func() map[string][]list {
	lines, err := csv.NewReader(bytes.NewReader(officialFile)).ReadAll()
	if err != nil {
		panic(fmt.Sprintf("official.csv of package origin: %v", err)) // a test reads the file
	}
	all := map[string][]list{}
	for _, l := range lines[1:] {
		all[l[0]] = append(all[l[0]], list{name: l[1], records: number(l[2]), first: number(l[3]), images: number(l[4]), keys: l[5], labels: l[6]})
	}
	return all
})

func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		panic(fmt.Sprintf("official.csv of package origin: %v", err))
	}
	return n
}

// Digest returns the SHA-256 of values, one a line. Of a list it is that of the keys by which TFDS identifies the images, or of their
// labels, in the order in which TFDS stores the images.
func Digest[T any](values []T) string {
	h := sha256.New()
	for _, v := range values {
		fmt.Fprintln(h, v)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Compare says why a list that follows TFDS's order is not the official one, by the digests of its keys and labels; "" if it is, or
// if there is nothing to compare with. Digests that are "" are not compared.
func Compare(task, name, keys, labels string) string {
	for _, l := range official()[task] {
		switch {
		case l.name != name:
		case keys != "" && l.keys != "" && keys != l.keys:
			return "the images of " + name + " are others than the official ones"
		case labels != "" && l.labels != "" && labels != l.labels:
			return "the labels of " + name + " are others than the official ones"
		}
	}
	return ""
}
