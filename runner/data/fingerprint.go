package data

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"dtl-tf/graph/limit"
)

// FingerprintOf is the SHA-256, in hexadecimal, of one line "NAME LABEL SHA256\n" for each item in order, where SHA256 is that of
// the file, from [Sums]. It does not depend on where the data set is stored.
func FingerprintOf(items []Item, sums [][sha256.Size]byte) string {
	h := sha256.New()
	for i, item := range items {
		fmt.Fprintf(h, "%s %d %x\n", item.Name, item.Label, sums[i])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Sums returns the SHA-256 of each item's file.
func Sums(ctx context.Context, items []Item) ([][sha256.Size]byte, error) {
	sums := make([][sha256.Size]byte, len(items))
	err := parallel(len(items), func(i int) error {
		h := sha256.New()
		if _, err := limit.Copy(ctx, h, items[i].Path); err != nil {
			return fmt.Errorf("fingerprint of the data: %w", err)
		}
		h.Sum(sums[i][:0])
		return nil
	})
	return sums, err
}
