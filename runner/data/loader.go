package data

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"dtl-tf/graph/tensor"
	"dtl-tf/runner/data/augment"
)

// Defaults of [LoaderOptions].
const (
	DefaultPrefetch   = 2
	defaultCacheBytes = 1 << 30
)

// LoaderOptions configure a [Loader]. All zero values except that of Batch are usable.
type LoaderOptions struct {
	Batch    int    // images in a batch
	Shuffle  bool   // a new order in each epoch, from Seed and the epoch; without it, the order of the items
	Balanced bool   // as many draws in each epoch as there are items, with replacement, from Seed and the epoch: each class is equally likely
	DropLast bool   // leave out an incomplete last batch
	Augment  string // a list for augment.Parse; "" is AugmentNone
	Seed     uint64 // of order and augmentation

	Fill  [3]uint8 // the colour outside of a picture that augmentation moves
	Views int      // epochs after which the pictures of an item repeat; 0: never
	// Draw, if not nil, returns the epoch and the index whose random numbers augment an item in every epoch. It is for computing
	// the pictures of a loader without Draw in another order.
	Draw func(index int) (epoch, item int)

	Workers  int // images decoded at once; 0 is the number of processors
	Prefetch int // batches prepared ahead of use; 0 is DefaultPrefetch
	// LastEpoch is the last epoch that will be asked for. The loader prepares the first batches of the epochs up to it during the
	// epoch before; 0 never looks ahead.
	LastEpoch int
	// CacheBytes limits the memory for decoded images, Size*Size*3 bytes each; 0 is 1 GiB. A negative number caches
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
	o.CacheBytes = cmp.Or(o.CacheBytes, defaultCacheBytes)
	switch {
	case n == 0:
		return o, errors.New("no images to load")
	case o.Batch < 1:
		return o, fmt.Errorf("batch of %d images: want at least 1 (--batch)", o.Batch)
	case o.Workers < 1 || o.Prefetch < 1:
		return o, fmt.Errorf("%d workers and %d batches ahead: want at least 1 each", o.Workers, o.Prefetch)
	case o.DropLast && n < o.Batch:
		return o, tooFew(n, fmt.Sprintf("%d images", n), o.Batch)
	}
	return o, nil
}

// tooFew is the error for n images, which words say, that are fewer than a batch.
func tooFew(n int, words string, batch int) error {
	return fmt.Errorf("%s are fewer than a batch of %d, and an incomplete batch is left out: use --batch %d or a smaller one", words, batch, n)
}

// Batch is the input of one step. It is valid until the loop over the epoch asks for the next, because the loader reuses memory.
type Batch struct {
	Images  []uint8 // [B, Size, Size, 3] RGB
	Labels  []int32 // [B]
	Indices []int   // [B], of the items given to NewLoader
	Lambda  float64 // share of an image in its picture: the rest is of image B-1-i; 1 if the batch is not mixed
}

// Size is the number of images in the batch.
func (b *Batch) Size() int { return len(b.Labels) }

// Tensor views the images of a batch, whose side is size, as a tensor [B, S, S, 3].
func (b *Batch) Tensor(size int) tensor.Tensor {
	return tensor.Must(b.Images, len(b.Images)/(size*size*3), size, size, 3)
}

// Loader makes batches of a list of images. Only one epoch may be looped over at a time.
type Loader struct {
	items   []Item
	size    int                               // height and width of an image
	load    func(path string) (pixels, error) // of any size if the policy crops
	policy  augment.Policy
	options LoaderOptions
	unused  sync.Pool // of *Batch, for reuse
	buffers sync.Pool // of *[]uint8, for reuse

	// Decoded images by index. None is evicted: every epoch visits all images, so an evicted one would be needed again.
	cached    sync.Map
	cacheFree atomic.Int64 // bytes; nothing more is cached once it is negative

	stop    context.CancelFunc // ends all pipelines
	context context.Context
	running errgroup.Group

	reporting sync.Mutex // held while OnBad runs

	mu   sync.Mutex
	next *pipeline // started ahead, or nil
	bad  map[int]bool

	excluded map[int]bool // see Exclude
}

// NewLoader checks the options. It fails if no batch could be made.
func NewLoader(items []Item, images Images, o LoaderOptions) (*Loader, error) {
	o, err := o.withDefaults(len(items))
	if err != nil {
		return nil, err
	}
	if images.Size < 1 {
		return nil, fmt.Errorf("image size %d: want at least 1 (--image-size)", images.Size)
	}
	policy, err := augment.Parse(o.Augment)
	if err != nil {
		return nil, fmt.Errorf("augmentation: %w", err)
	}
	l := &Loader{items: items, size: images.Size, load: images.load, policy: policy, options: o, bad: map[int]bool{}}
	if policy.Crop != nil {
		l.load = images.read
	}
	l.cacheFree.Store(o.CacheBytes)
	l.context, l.stop = context.WithCancel(context.Background())
	return l, nil
}

// Steps is the number of batches in an epoch, without the images that were found to be bad so far. With Balanced, epochs may have fewer
// if images are bad.
func (l *Loader) Steps() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	good := len(l.items) - len(l.bad)
	if l.options.Balanced {
		good = len(l.items)
	}
	if l.options.DropLast {
		return good / l.options.Batch
	}
	return (good + l.options.Batch - 1) / l.options.Batch
}

// Item returns the item with an index of a batch.
func (l *Loader) Item(i int) Item { return l.items[i] }

// Items returns the items with the indices of a batch.
func (l *Loader) Items(indices []int) []Item {
	items := make([]Item, len(indices))
	for i, at := range indices {
		items[i] = l.items[at]
	}
	return items
}

// Bad lists the indices of the images that were found to be bad.
func (l *Loader) Bad() []int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(maps.Keys(l.bad))
}

// Exclude leaves out images that can't be read, by their indices, and reports them to OnBad. A balanced epoch draws others in their place.
// Call it before the first epoch.
func (l *Loader) Exclude(broken map[int]error) {
	l.excluded = map[int]bool{}
	for _, i := range slices.Sorted(maps.Keys(broken)) {
		l.excluded[i] = true
		l.Skip(i, broken[i])
	}
}

// LeaveOut marks images as bad that another loader of the same items found to be bad, and returns them. Call it before the first
// epoch.
func (l *Loader) LeaveOut(indices []int) ([]Item, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var items []Item
	for _, i := range indices {
		if i < 0 || i >= len(l.items) {
			return nil, fmt.Errorf("there is no image %d among %d", i, len(l.items))
		}
		l.bad[i] = true
		items = append(items, l.items[i])
	}
	return items, nil
}

// Epoch loops over the batches of an epoch. Order and augmentation depend only on the seed and the epoch, so any epoch can run
// without those before it. The loop ends after the error of an image or of ctx.
func (l *Loader) Epoch(ctx context.Context, epoch int) iter.Seq2[*Batch, error] {
	return l.EpochFrom(ctx, epoch, 0)
}

// EpochFrom is Epoch without its first skip batches, whose images are not read. If images are bad, first call LeaveOut with those
// that the skipped batches left out.
func (l *Loader) EpochFrom(ctx context.Context, epoch, skip int) iter.Seq2[*Batch, error] {
	return func(yield func(*Batch, error) bool) {
		p := l.pipeline(epoch, skip)
		defer p.cancel()
		for {
			select {
			case <-ctx.Done():
				yield(nil, context.Cause(ctx))
				return
			case r, more := <-p.results:
				if !more { // the epoch has ended or Close was called
					if l.context.Err() != nil {
						yield(nil, errors.New("the loader is closed"))
					}
					return
				}
				if r.err != nil {
					yield(nil, r.err)
					return
				}
				more = yield(r.batch, nil)
				l.unused.Put(r.batch)
				if !more {
					return
				}
			}
		}
	}
}

// Close ends the background goroutines and waits for them. Close the decoder only after it.
func (l *Loader) Close() {
	l.stop()
	_ = l.running.Wait() // none of them fails
}

// pipeline returns the pipeline of the epoch, which may have been started ahead.
func (l *Loader) pipeline(epoch, skip int) *pipeline {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.next
	l.next = nil
	if p != nil && p.epoch == epoch && p.skip == skip {
		return p
	}
	if p != nil {
		p.cancel()
	}
	return l.start(epoch, skip)
}

// lookAhead starts the epoch after p, unless p was cancelled.
func (l *Loader) lookAhead(p *pipeline) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p.epoch < l.options.LastEpoch && p.context.Err() == nil {
		l.next = l.start(p.epoch+1, 0)
	}
}
