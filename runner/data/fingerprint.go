package data

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"runtime"

	"golang.org/x/sync/errgroup"
)

// Fingerprint is the sha256, in hexadecimal, of the items in order: a line "NAME LABEL SHA256\n"
// for each, the last being that of the file's content. It is the same wherever the folder lies.
func Fingerprint(items []Item) (string, error) {
	sums, err := Sums(items)
	if err != nil {
		return "", err
	}
	return FingerprintOf(items, sums), nil
}

// FingerprintOf is Fingerprint for files whose Sums are known.
func FingerprintOf(items []Item, sums [][sha256.Size]byte) string {
	h := sha256.New()
	for i, item := range items {
		fmt.Fprintf(h, "%s %d %x\n", item.Name, item.Label, sums[i])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Sums is the sha256 of each item's file.
func Sums(items []Item) ([][sha256.Size]byte, error) {
	sums := make([][sha256.Size]byte, len(items))
	workers := runtime.GOMAXPROCS(0)
	var group errgroup.Group
	for w := range workers {
		group.Go(func() error {
			for i := w; i < len(items); i += workers {
				if err := sumFile(items[i].Path, &sums[i]); err != nil {
					return fmt.Errorf("fingerprint of the data: %w", err)
				}
			}
			return nil
		})
	}
	return sums, group.Wait()
}

func sumFile(path string, sum *[sha256.Size]byte) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	h.Sum(sum[:0])
	return nil
}
