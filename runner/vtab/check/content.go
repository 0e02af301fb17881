package check

import (
	"context"
	"crypto/sha256"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"dtl-tf/graph/limit"
	"dtl-tf/runner/data"
)

// seenSize is the height and width at which pixels are compared: what a backbone sees of an image.
const seenSize = 224

// content is what is in an image's file.
type content struct {
	file    [sha256.Size]byte // of its bytes
	pixels  [sha256.Size]byte // of the decoded image at seenSize; as file where images are not decoded
	missing error             // the file is not there or can't be read
	broken  error             // it is no image
}

// readAll reads every file once, as many at a time as there are processors. Images are decoded unless load is nil; done
// hears how many files were read, from one goroutine at a time.
func readAll(ctx context.Context, paths []string, load func(path string) ([]uint8, error), done func(n int)) (map[string]content, error) {
	contents := make([]content, len(paths))
	workers := runtime.GOMAXPROCS(0)
	var (
		group, inner = errgroup.WithContext(ctx)
		mu           sync.Mutex
		n            int
	)
	for w := range workers {
		group.Go(func() error {
			for i := w; i < len(paths); i += workers {
				contents[i] = readOne(inner, paths[i], load)
				if inner.Err() != nil { // what was read last may be incomplete
					return inner.Err()
				}
				mu.Lock()
				n++
				done(n)
				mu.Unlock()
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	byPath := make(map[string]content, len(paths))
	for i, path := range paths {
		byPath[path] = contents[i]
	}
	return byPath, nil
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

// fingerprint is data.Fingerprint of what a run trains on and tests on, from sums that are known already.
func fingerprint(contents map[string]content, parts ...[]entry) string {
	var items []data.Item
	var sums [][sha256.Size]byte
	for _, part := range parts {
		for _, e := range part {
			items, sums = append(items, e.Item), append(sums, contents[e.Path].file)
		}
	}
	return data.FingerprintOf(items, sums)
}
