// Package order gives records the order in which TensorFlow Datasets (TFDS) stores them, to which VTAB-1k's slices such as
// train[:800] refer. It follows from the records' keys alone.
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

// Of returns the MD5 of the split's name in TFDS (train, validation, test) followed by the key, with slashes for backslashes.
func Of(split, key string) Digest {
	return md5.Sum([]byte(split + strings.ReplaceAll(key, `\`, "/")))
}

// Keys returns the indices of the keys in record order. Equal keys are an error, as in TFDS.
func Keys(split string, keys []string) ([]int, error) {
	digest := func(i int) Digest { return Of(split, keys[i]) }
	indices := Sort(len(keys), digest)
	for i := 1; i < len(indices); i++ {
		if digest(indices[i]) == digest(indices[i-1]) {
			return nil, fmt.Errorf("the key %q is there twice in %s", keys[indices[i]], split)
		}
	}
	return indices, nil
}

// Rows returns Keys of the keys 0 to n-1 in decimal, those of data sets whose records are rows of an array.
func Rows(split string, n int) []int {
	return Sort(n, func(i int) Digest { return Of(split, strconv.Itoa(i)) })
}

// Sort returns the indices 0 to n-1 by ascending digests.
func Sort(n int, digest func(i int) Digest) []int {
	digests, indices := make([]Digest, n), make([]int, n)
	for i := range n {
		digests[i], indices[i] = digest(i), i
	}
	slices.SortFunc(indices, func(a, b int) int {
		return cmp.Or(bytes.Compare(digests[a][:], digests[b][:]), cmp.Compare(a, b))
	})
	return indices
}
