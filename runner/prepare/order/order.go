// Package order gives records the order in which TensorFlow Datasets (TFDS) stores them, which is what the slices
// of VTAB-1k such as train[:800] count in. The order follows from the records' keys alone.
package order

import (
	"bytes"
	"cmp"
	"crypto/md5"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Digest is what records are sorted by.
type Digest [md5.Size]byte

// Of is the MD5 of the split's name in TFDS (train, validation, test) followed by the key. A backslash in a key counts
// as a slash.
func Of(split, key string) Digest {
	return md5.Sum([]byte(split + strings.ReplaceAll(key, `\`, "/")))
}

// Keys returns the indices of the keys in record order: ascending digests. Two equal keys are an error, as they are
// in TFDS.
func Keys(split string, keys []string) ([]int, error) {
	return sorted(split, len(keys), func(i int) string { return keys[i] })
}

// Rows is Keys for the keys 0 to n-1 in decimal, which data sets have whose records are rows of an array.
func Rows(split string, n int) []int {
	indices, _ := sorted(split, n, strconv.Itoa) // rows differ
	return indices
}

func sorted(split string, n int, key func(int) string) ([]int, error) {
	type entry struct {
		digest Digest
		index  int
	}
	entries := make([]entry, n)
	for i := range entries {
		entries[i] = entry{Of(split, key(i)), i}
	}
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(bytes.Compare(a.digest[:], b.digest[:]), cmp.Compare(a.index, b.index))
	})
	indices := make([]int, n)
	for i, e := range entries {
		if i > 0 && e.digest == entries[i-1].digest {
			return nil, fmt.Errorf("the key %q is there twice in %s", key(e.index), split)
		}
		indices[i] = e.index
	}
	return indices, nil
}
