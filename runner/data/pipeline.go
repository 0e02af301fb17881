package data

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"
)

// pipeline makes the batches of one epoch:
//
//	dispatch starts workers, which decode and augment -> assemble takes the images in order -> results
//
// Each arrow is a bounded channel, so little more than Prefetch batches are decoded ahead.
type pipeline struct {
	epoch   int
	skip    int // number of leading batches left out
	context context.Context
	cancel  context.CancelFunc
	results chan result // closed at the end of the epoch
}

// result is a batch or the error that ends the epoch.
type result struct {
	batch *Batch
	err   error
}

// slot is a position in the order. pix and err are valid once done is closed.
type slot struct {
	index int
	time  int // draws of the same image before it in the epoch
	done  chan struct{}
	pix   []uint8
	owned bool // pix is for recycle
	err   error
}

// start starts a pipeline. The caller holds l.mu.
func (l *Loader) start(epoch, skip int) *pipeline {
	p := &pipeline{epoch: epoch, skip: skip, results: make(chan result, l.options.Prefetch)}
	p.context, p.cancel = context.WithCancel(l.context)
	order := l.usable(epoch)
	times := l.repeats(order)
	from := min(skip*l.options.Batch, len(order))
	order, times = order[from:], times[min(from, len(times)):]
	slots := make(chan *slot, l.options.Batch)
	l.running.Go(func() error {
		l.dispatch(p, order, times, slots)
		return nil
	})
	l.running.Go(func() error {
		defer close(p.results)
		if l.assemble(p, slots) {
			l.lookAhead(p) // before results is closed, so that the next loop finds the pipeline
		}
		return nil
	})
	return p
}

// Order returns the batches of an epoch as indices of the items, without reading images. It leaves out the images that are known
// to be bad; see Skip.
func (l *Loader) Order(epoch int) ([][]int, error) {
	l.mu.Lock()
	order := l.usable(epoch)
	l.mu.Unlock()
	batch, n := l.options.Batch, len(order)
	switch {
	case n == 0:
		return nil, noneReadable(len(l.items))
	case n < batch && l.options.DropLast:
		return nil, l.tooFewReadable(n)
	}
	batches := slices.Collect(slices.Chunk(order, batch))
	if l.options.DropLast {
		batches = batches[:n/batch]
	}
	return batches, nil
}

// usable is the order of an epoch without the images known to be bad. The caller holds l.mu.
func (l *Loader) usable(epoch int) []int {
	order := make([]int, len(l.items))
	for i := range order {
		order[i] = i
	}
	switch {
	case l.options.Balanced:
		order = l.draw(epoch)
	case l.options.Shuffle:
		order = generator(streamOrder, l.options.Seed, uint64(epoch)).Perm(len(l.items))
	}
	return slices.DeleteFunc(order, func(index int) bool { return l.bad[index] })
}

// dispatch sends the images in order to assemble, decodes and augments them.
func (l *Loader) dispatch(p *pipeline, order, times []int, slots chan<- *slot) {
	defer close(slots)
	var workers errgroup.Group
	workers.SetLimit(l.options.Workers)
	defer func() { _ = workers.Wait() }()
	for i, index := range order {
		s := &slot{index: index, done: make(chan struct{})}
		if times != nil {
			s.time = times[i]
		}
		select {
		case slots <- s:
		case <-p.context.Done():
			return
		}
		workers.Go(func() error {
			s.pix, s.owned, s.err = l.picture(p.epoch, s.index, s.time)
			close(s.done)
			return nil
		})
	}
}

// image returns an item's pixels from the cache or from its file.
func (l *Loader) image(index int) (pixels, error) {
	if p, ok := l.cached.Load(index); ok {
		return p.(pixels), nil
	}
	p, err := l.load(l.items[index].Path)
	if err == nil && l.cacheFree.Add(-int64(len(p.pix))) >= 0 {
		l.cached.Store(index, p)
	}
	return p, err
}

// assemble fills batches in the order of the slots. It reports whether the epoch is complete.
func (l *Loader) assemble(p *pipeline, slots <-chan *slot) bool {
	batch, sent := l.newBatch(), p.skip
	for s := range slots {
		select {
		case <-s.done:
		case <-p.context.Done():
			return false
		}
		if s.err != nil {
			if !l.options.SkipBad {
				p.send(result{err: fmt.Errorf("%w; replace or remove it, or go on without it: --skip-bad-images", s.err)})
				return false
			}
			l.Skip(s.index, s.err)
			continue
		}
		l.add(batch, s)
		if batch.Size() == l.options.Batch {
			l.mix(batch, p.epoch, sent)
			if !p.send(result{batch: batch}) {
				return false
			}
			batch, sent = l.newBatch(), sent+1
		}
	}
	if p.context.Err() != nil {
		return false
	}
	good := sent*l.options.Batch + batch.Size()
	switch {
	case good == 0:
		p.send(result{err: noneReadable(len(l.items))})
		return false
	case batch.Size() > 0 && !l.options.DropLast:
		l.mix(batch, p.epoch, sent)
		return p.send(result{batch: batch})
	case sent == 0:
		p.send(result{err: l.tooFewReadable(good)})
		return false
	}
	l.unused.Put(batch)
	return true
}

func noneReadable(n int) error { return fmt.Errorf("none of the %d images can be read", n) }

func (l *Loader) tooFewReadable(n int) error {
	return tooFew(n, fmt.Sprintf("%d readable of %d images", n, len(l.items)), l.options.Batch)
}

// add appends an image to the batch.
func (l *Loader) add(b *Batch, s *slot) {
	b.Images = append(b.Images, s.pix...)
	if s.owned {
		l.recycle(s.pix)
	}
	b.Labels = append(b.Labels, int32(l.items[s.index].Label))
	b.Indices = append(b.Indices, s.index)
}

// mix mixes the images of a batch, the number-th of its epoch.
func (l *Loader) mix(b *Batch, epoch, number int) {
	if l.policy.Mixes() {
		b.Lambda = l.policy.Mix(b.Images, l.size, generator(streamMix, l.options.Seed, uint64(epoch), uint64(number))).Lambda
	}
}

// newBatch returns an empty batch with the capacity of a full one.
func (l *Loader) newBatch() *Batch {
	if b, ok := l.unused.Get().(*Batch); ok {
		return &Batch{Images: b.Images[:0], Labels: b.Labels[:0], Indices: b.Indices[:0], Lambda: 1}
	}
	n := min(l.options.Batch, len(l.items))
	return &Batch{
		Images: make([]uint8, 0, n*l.size*l.size*3), Labels: make([]int32, 0, n), Indices: make([]int, 0, n),
		Lambda: 1,
	}
}

// send waits until the result is taken. It returns false if the pipeline was cancelled.
func (p *pipeline) send(r result) bool {
	select {
	case p.results <- r:
		return true
	case <-p.context.Done():
		return false
	}
}

// Skip leaves out an image that could not be read from now on, and reports it to OnBad once.
func (l *Loader) Skip(index int, err error) {
	l.mu.Lock()
	known := l.bad[index]
	l.bad[index] = true
	l.mu.Unlock()
	if !known && l.options.OnBad != nil {
		l.reporting.Lock()
		defer l.reporting.Unlock()
		l.options.OnBad(l.items[index], err)
	}
}
