package data

import (
	"fmt"
	"runtime"
)

// Defaults of [LoaderOptions].
const (
	DefaultPrefetch   = 2
	DefaultCacheBytes = 1 << 30
)

// LoaderOptions say how a [Loader] makes batches. The zero value of all but Batch is usable.
type LoaderOptions struct {
	Batch    int    // images in a batch
	Shuffle  bool   // another order in each epoch, from Seed and the epoch; else the items' order
	DropLast bool   // leave out the last batch of an epoch if it's not full
	Augment  string // one of Augments; "" is AugmentNone
	Seed     uint64 // of order and augmentation

	Workers  int // images decoded at once; 0 is the number of processors
	Prefetch int // batches that are ready before they are asked for; 0 is DefaultPrefetch
	// LastEpoch is the last epoch that will be asked for. Up to it, the first batches of the next
	// epoch are prepared while the last ones of an epoch are used. 0: never look ahead.
	LastEpoch int
	// CacheBytes limits the memory for decoded images, Size*Size*3 bytes each; 0 is
	// DefaultCacheBytes, a negative number keeps none, which is right where images are visited once.
	CacheBytes int64

	// SkipBad leaves out images that can't be read instead of stopping: later ones move up, so
	// that batches stay full. OnBad, if not nil, hears of each such image once, from another
	// goroutine but never from two at a time.
	SkipBad bool
	OnBad   func(item Item, err error)
}

// withDefaults fills in what is zero and checks the rest against n images.
func (o LoaderOptions) withDefaults(n int) (LoaderOptions, error) {
	if o.Workers == 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.Prefetch == 0 {
		o.Prefetch = DefaultPrefetch
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = DefaultCacheBytes
	}
	switch {
	case n == 0:
		return o, fmt.Errorf("no images to load")
	case o.Batch < 1:
		return o, fmt.Errorf("batch of %d images: want at least 1 (--batch)", o.Batch)
	case o.Workers < 1 || o.Prefetch < 1:
		return o, fmt.Errorf("%d workers and %d batches ahead: want at least 1 each", o.Workers, o.Prefetch)
	case o.DropLast && n < o.Batch:
		return o, tooFew(fmt.Sprintf("%d images", n), o.Batch)
	}
	return o, nil
}

func tooFew(images string, batch int) error {
	return fmt.Errorf("%s are fewer than a batch of %d, and an incomplete batch is left out: use a smaller --batch",
		images, batch)
}
