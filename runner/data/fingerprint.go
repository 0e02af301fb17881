package data

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"

	"dtl-tf/graph/limit"
)

// Fingerprint is the sha256, in hexadecimal, of the items in order: a line "NAME LABEL SHA256\n"
// for each, the last being that of the file's content. It is the same wherever the folder lies.
func Fingerprint(ctx context.Context, items []Item) (string, error) {
	sums, err := Sums(ctx, items)
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

// Sums is the sha256 of each item's file. When ctx ends, so does it.
func Sums(ctx context.Context, items []Item) ([][sha256.Size]byte, error) {
	sums := make([][sha256.Size]byte, len(items))
	workers := runtime.GOMAXPROCS(0)
	group, ctx := errgroup.WithContext(ctx)
	for w := range workers {
		group.Go(func() error {
			for i := w; i < len(items); i += workers {
				h := sha256.New()
				if _, err := limit.Copy(ctx, h, items[i].Path); err != nil {
					return fmt.Errorf("fingerprint of the data: %w", err)
				}
				h.Sum(sums[i][:0])
			}
			return nil
		})
	}
	return sums, group.Wait()
}
