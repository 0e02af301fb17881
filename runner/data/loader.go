package data

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
)

// Batch is what one step works on. The loader uses its memory again: it is valid until the
// loop over the epoch asks for the next.
type Batch struct {
	Images  []uint8 // [B, Size, Size, 3] RGB
	Labels  []int32 // [B]
	Indices []int   // [B], of the items given to NewLoader
}

// Size is the number of images in the batch.
func (b *Batch) Size() int { return len(b.Labels) }

// Loader makes batches of a list of images. One epoch at a time may be looped over.
type Loader struct {
	items   []Item
	size    int // of an image's side
	load    func(path string) ([]uint8, error)
	augment augment
	options LoaderOptions
	cache   *cache
	free    chan *Batch // used batches, to be filled again

	stop    context.CancelFunc // ends all pipelines
	context context.Context
	running sync.WaitGroup

	reporting sync.Mutex // held while OnBad runs

	mu   sync.Mutex
	next *pipeline // begun ahead, or nil
	bad  map[int]bool
}

// NewLoader checks the options and fails when no batch could be made, naming the counts.
func NewLoader(items []Item, images Images, o LoaderOptions) (*Loader, error) {
	o, err := o.withDefaults(len(items))
	if err != nil {
		return nil, err
	}
	if images.Size < 1 {
		return nil, fmt.Errorf("image size %d: want at least 1 (--image-size)", images.Size)
	}
	vary, err := augmentOf(o.Augment)
	if err != nil {
		return nil, err
	}
	l := &Loader{
		items: items, size: images.Size, load: images.Load, augment: vary, options: o,
		cache: newCache(o.CacheBytes), free: make(chan *Batch, 2*o.Prefetch+2), bad: map[int]bool{},
	}
	l.context, l.stop = context.WithCancel(context.Background())
	return l, nil
}

// Steps is the number of batches in an epoch. Images found to be bad no longer count.
func (l *Loader) Steps() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	good := len(l.items) - len(l.bad)
	if l.options.DropLast {
		return good / l.options.Batch
	}
	return (good + l.options.Batch - 1) / l.options.Batch
}

// Item is the item of an index as batches have it.
func (l *Loader) Item(i int) Item { return l.items[i] }

// Bad lists the images that were found to be bad, as indices of the items.
func (l *Loader) Bad() []int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(maps.Keys(l.bad))
}

// LeaveOut marks images as bad that another loader of the same items has found to be, and returns them.
// Call it before the first epoch.
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

// Epoch loops over the batches of an epoch. The order and the augmentation depend on the seed and the
// epoch's number alone, so any epoch can be run without those before it. After an error, that of
// an image or of ctx, the loop ends.
func (l *Loader) Epoch(ctx context.Context, epoch int) iter.Seq2[*Batch, error] {
	return l.EpochFrom(ctx, epoch, 0)
}

// EpochFrom is Epoch without its first skip batches, whose images are not read. Where images are bad, call LeaveOut first
// with those that the skipped batches left out.
func (l *Loader) EpochFrom(ctx context.Context, epoch, skip int) iter.Seq2[*Batch, error] {
	return func(yield func(*Batch, error) bool) {
		p := l.begin(epoch, skip)
		defer p.cancel()
		for {
			select {
			case <-ctx.Done():
				yield(nil, context.Cause(ctx))
				return
			case r, more := <-p.results:
				if !more { // the end, or Close
					if l.context.Err() != nil {
						yield(nil, errors.New("the loader is closed"))
					}
					return
				}
				if r.err != nil {
					yield(nil, r.err)
					return
				}
				goOn := yield(r.batch, nil)
				l.recycle(r.batch)
				if !goOn {
					return
				}
			}
		}
	}
}

// Close ends what runs in the background and waits for it. The decoder may be closed only after.
func (l *Loader) Close() {
	l.stop()
	l.running.Wait()
}

// begin returns the pipeline of the epoch, which may have been begun ahead.
func (l *Loader) begin(epoch, skip int) *pipeline {
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

// lookAhead begins the epoch after p, unless p was given up.
func (l *Loader) lookAhead(p *pipeline) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p.epoch < l.options.LastEpoch && p.context.Err() == nil {
		l.next = l.start(p.epoch+1, 0)
	}
}

// newBatch returns an empty batch with room for a full one.
func (l *Loader) newBatch() *Batch {
	select {
	case b := <-l.free:
		return &Batch{Images: b.Images[:0], Labels: b.Labels[:0], Indices: b.Indices[:0]}
	default:
		n := min(l.options.Batch, len(l.items))
		return &Batch{
			Images: make([]uint8, 0, n*l.size*l.size*3), Labels: make([]int32, 0, n), Indices: make([]int, 0, n),
		}
	}
}

func (l *Loader) recycle(b *Batch) {
	select {
	case l.free <- b:
	default: // enough are waiting
	}
}
