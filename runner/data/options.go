package data

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"
)

// Defaults of [LoaderOptions].
const (
	DefaultPrefetch   = 2
	DefaultCacheBytes = 1 << 30
)

// LoaderOptions configure a [Loader]. All zero values except that of Batch are usable.
type LoaderOptions struct {
	Batch    int    // images in a batch
	Shuffle  bool   // a new order in each epoch, from Seed and the epoch; without it, the order of the items
	DropLast bool   // leave out an incomplete last batch
	Augment  string // one of Augments; "" is AugmentNone
	Seed     uint64 // of order and augmentation

	Workers  int // images decoded at once; 0 is the number of processors
	Prefetch int // batches prepared ahead of use; 0 is DefaultPrefetch
	// LastEpoch is the last epoch that will be asked for. The loader prepares the first batches of the epochs up to it during the
	// epoch before; 0 never looks ahead.
	LastEpoch int
	// CacheBytes limits the memory for decoded images, Size*Size*3 bytes each; 0 is DefaultCacheBytes. A negative number caches
	// none, for images that are read once.
	CacheBytes int64

	// SkipBad leaves out unreadable images, and later ones move up so that batches stay full. Without it the first ends the epoch.
	// OnBad, if not nil, is called once for each, from another goroutine but never from two at a time.
	SkipBad bool
	OnBad   func(item Item, err error)
}

// withDefaults fills in zero options and checks the rest for n images.
func (o LoaderOptions) withDefaults(n int) (LoaderOptions, error) {
	o.Workers = cmp.Or(o.Workers, runtime.GOMAXPROCS(0))
	o.Prefetch = cmp.Or(o.Prefetch, DefaultPrefetch)
	o.CacheBytes = cmp.Or(o.CacheBytes, DefaultCacheBytes)
	switch {
	case n == 0:
		return o, errors.New("no images to load")
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
