package check

import (
	"context"
	"crypto/sha256"

	"dtl-tf/graph/limit"
	"dtl-tf/runner/data"
)

// comparedSize is the height and width at which pixels are compared, the input size of a backbone.
const comparedSize = 224

// content identifies an image by its content.
type content struct {
	file    [sha256.Size]byte // hash of the file
	pixels  [sha256.Size]byte // hash of the image decoded at comparedSize; equals file if images are not decoded
	missing error             // why the file can't be read
	broken  error             // why the image can't be decoded
}

func (c content) readable() bool { return c.missing == nil && c.broken == nil }

// readAll reads the files in parallel, and decodes them unless load is nil. done receives the number of files read so far,
// from one goroutine at a time.
func readAll(ctx context.Context, items []data.Item, load func(path string) ([]uint8, error), done func(n int)) (map[string]content, error) {
	list := make([]content, len(items))
	err := data.Each(ctx, len(items), func(i int) { list[i] = readOne(ctx, items[i].Path, load) }, done)
	if err != nil {
		return nil, err
	}
	contents := make(map[string]content, len(items))
	for i, item := range items {
		contents[item.Path] = list[i]
	}
	return contents, nil
}

func readOne(ctx context.Context, path string, load func(string) ([]uint8, error)) (c content) {
	h := sha256.New()
	if _, c.missing = limit.Copy(ctx, h, path); c.missing != nil {
		return c
	}
	h.Sum(c.file[:0])
	c.pixels = c.file
	if load == nil {
		return c
	}
	pixels, err := load(path)
	if err != nil {
		c.broken = err
		return c
	}
	c.pixels = sha256.Sum256(pixels)
	return c
}

// fingerprint computes [data.Fingerprint] of the entries from the hashes of their files.
func fingerprint(contents map[string]content, entries []entry) string {
	items, sums := make([]data.Item, len(entries)), make([][sha256.Size]byte, len(entries))
	for i, e := range entries {
		items[i], sums[i] = e.Item, contents[e.Path].file
	}
	return data.FingerprintOf(items, sums)
}
