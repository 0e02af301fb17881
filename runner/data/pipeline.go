package data

import (
	"context"
	"fmt"
)

// pipeline makes the batches of one epoch:
//
//	order -> workers, which decode in parallel -> assemble, which takes results in order -> results
//
// Each arrow is a bounded channel, so that little more is decoded than Prefetch batches.
type pipeline struct {
	epoch   int
	skip    int // batches that are not made
	context context.Context
	cancel  context.CancelFunc
	results chan result // closed after the last
}

// result is a batch or the error that ends the epoch.
type result struct {
	batch *Batch
	err   error
}

// slot is an image's place in the order. pix and err are set when done is closed.
type slot struct {
	index int
	done  chan struct{}
	pix   []uint8
	err   error
}

// start runs a pipeline. The caller holds l.mu.
func (l *Loader) start(epoch, skip int) *pipeline {
	p := &pipeline{epoch: epoch, skip: skip, results: make(chan result, l.options.Prefetch)}
	p.context, p.cancel = context.WithCancel(l.context)
	order := l.usable(epoch)
	order = order[min(skip*l.options.Batch, len(order)):]
	slots := make(chan *slot, l.options.Batch)
	jobs := make(chan *slot)
	l.spawn(func() { p.dispatch(order, slots, jobs) })
	for range min(l.options.Workers, len(l.items)) {
		l.spawn(func() {
			for s := range jobs {
				s.pix, s.err = l.image(s.index)
				close(s.done)
			}
		})
	}
	l.spawn(func() {
		defer close(p.results)
		if l.assemble(p, slots) {
			// Before results is closed, so that the loop over this epoch can't end and ask for
			// the next one too early.
			l.lookAhead(p)
		}
	})
	return p
}

// spawn runs f in the background; Close waits for it.
func (l *Loader) spawn(f func()) {
	l.running.Add(1)
	go func() {
		defer l.running.Done()
		f()
	}()
}

// order is the sequence of all items in an epoch.
func (l *Loader) order(epoch int) []int {
	if l.options.Shuffle {
		return generator(streamOrder, l.options.Seed, uint64(epoch)).Perm(len(l.items))
	}
	order := make([]int, len(l.items))
	for i := range order {
		order[i] = i
	}
	return order
}

// dispatch hands the images to the workers and, in the same order, to assemble.
func (p *pipeline) dispatch(order []int, slots, jobs chan<- *slot) {
	defer close(slots)
	defer close(jobs)
	for _, index := range order {
		s := &slot{index: index, done: make(chan struct{})}
		for _, to := range []chan<- *slot{slots, jobs} {
			select {
			case to <- s:
			case <-p.context.Done():
				return
			}
		}
	}
}

// image returns an item's pixels from memory or from its file.
func (l *Loader) image(index int) ([]uint8, error) {
	if pix := l.cache.get(index); pix != nil {
		return pix, nil
	}
	pix, err := l.load(l.items[index].Path)
	if err != nil {
		return nil, err
	}
	l.cache.put(index, pix)
	return pix, nil
}

// assemble fills batches in the order of the slots. It tells whether the epoch came to its end.
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
				p.send(result{err: s.err})
				return false
			}
			l.markBad(s.index, s.err)
			continue
		}
		l.add(batch, p.epoch, s)
		if batch.Size() == l.options.Batch {
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
		return p.send(result{batch: batch})
	case sent == 0:
		p.send(result{err: tooFew(fmt.Sprintf("%d readable of %d images", good, len(l.items)), l.options.Batch)})
		return false
	}
	l.recycle(batch)
	return true
}

// add appends an image, varied, to the batch.
func (l *Loader) add(b *Batch, epoch int, s *slot) {
	n, values := len(b.Images), l.size*l.size*3
	b.Images = b.Images[:n+values]
	r := generator(streamAugment, l.options.Seed, uint64(epoch), uint64(s.index))
	l.augment(b.Images[n:], s.pix, l.size, r)
	b.Labels = append(b.Labels, int32(l.items[s.index].Label))
	b.Indices = append(b.Indices, s.index)
}

// send waits for room. It returns false when the pipeline was given up.
func (p *pipeline) send(r result) bool {
	select {
	case p.results <- r:
		return true
	case <-p.context.Done():
		return false
	}
}

// markBad leaves an image out from now on and reports it once.
func (l *Loader) markBad(index int, err error) {
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
