package feature

import (
	"context"
	"errors"
	"iter"
	"sync"

	"dtl-tf/graph"
	"dtl-tf/graph/tensor"
)

// Batch is the stored values of some images. It is valid until the loop over the epoch asks for the next.
type Batch struct {
	Values  []tensor.Tensor // in the order of Options.Values, [B, Shape...]: views into the mapped files
	Indices []int           // [B], into the rows given to Loader

	rows []int // [B], of the files
}

// Loader makes batches of a store's rows. During a step it reads the next batches from the disk, so the pages of a batch are
// resident when the loop gets it. It is for one goroutine, but any other may close it.
type Loader struct {
	values []Value
	files  []*mapped       // of the values
	stored graph.Precision // the type of their elements
	rows   []int
	order  func(epoch int) ([][]int, error)
	last   int
	fetch  func(*Batch) error // makes the rows of a batch resident

	mu     sync.Mutex // guards stream and closed
	stream *stream    // nil before the first epoch and after a loop that ended early
	closed bool
}

var errClosed = errors.New("the feature cache is closed")

// stream makes the batches of consecutive epochs in the background.
type stream struct {
	epoch  int         // the epoch of the next batches
	skip   int         // number of its leading batches left out
	items  chan item   // closed when the goroutine has ended
	used   chan *Batch // to be evicted
	cancel context.CancelFunc
}

// item is a batch, the end of an epoch, or the error that ends the stream.
type item struct {
	batch *Batch
	err   error
}

// Loader returns a loader of the batches that order lists for an epoch, as indices of rows. last is the last epoch that will be
// asked for. No value may be Missing.
func (s *Store) Loader(rows []int, order func(epoch int) ([][]int, error), last int) (*Loader, error) {
	if len(s.Missing()) > 0 {
		return nil, errors.New("feature: not all values have been written")
	}
	s.closing.Lock()
	defer s.closing.Unlock()
	l := &Loader{values: s.options.Values, stored: s.options.Key.Stored, rows: rows, order: order, last: last}
	for _, v := range l.values {
		m := s.files[v.Name]
		if m == nil {
			return nil, errClosed
		}
		l.files = append(l.files, m)
	}
	l.fetch = l.makeResident
	return l, nil
}

// Epoch loops over the batches of an epoch without its first skip. The loop ends after the error of a file, of ctx or of a closed
// loader or store.
func (l *Loader) Epoch(ctx context.Context, epoch, skip int) iter.Seq2[*Batch, error] {
	return func(yield func(*Batch, error) bool) {
		if !l.pin() {
			yield(nil, errClosed)
			return
		}
		defer unpin(l.files)
		s, err := l.start(epoch, skip)
		if err != nil {
			yield(nil, err)
			return
		}
		for {
			next, err := s.next(ctx)
			switch {
			case err != nil:
				l.stop()
				yield(nil, err)
				return
			case next == nil:
				s.epoch, s.skip = s.epoch+1, 0
				return
			case !yield(next, nil):
				l.stop()
				return
			}
			select {
			case s.used <- next:
			default: // stays in memory until the kernel reclaims it
			}
		}
	}
}

// next waits for a batch, nil at the end of the epoch.
func (s *stream) next(ctx context.Context) (*Batch, error) {
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case i, ok := <-s.items:
		if !ok {
			return nil, errClosed
		}
		return i.batch, i.err
	}
}

// pin keeps the files mapped until unpin. It returns false if the store is closed.
func (l *Loader) pin() bool {
	for i, m := range l.files {
		if !m.pin() {
			unpin(l.files[:i])
			return false
		}
	}
	return true
}

func unpin(files []*mapped) {
	for _, m := range files {
		m.unpin()
	}
}

// start returns the stream that yields the epoch's batches next. It may be running already.
func (l *Loader) start(epoch, skip int) (*stream, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return nil, errClosed
	case l.stream != nil && l.stream.epoch == epoch && l.stream.skip == skip && epoch <= l.last:
		return l.stream, nil
	}
	l.end()
	if !l.pin() { // the goroutine may outlive the loop
		return nil, errClosed
	}
	ctx, cancel := context.WithCancel(context.Background())
	// items buffers one batch and the goroutine waits with another, so two are ready beyond the one in use.
	s := &stream{epoch: epoch, skip: skip, items: make(chan item, 1), used: make(chan *Batch, 4), cancel: cancel}
	go func() {
		defer close(s.items)
		defer unpin(l.files)
		for e := epoch; e <= max(epoch, l.last); e++ {
			if !l.send(ctx, s, e, skip) {
				return
			}
			skip = 0
		}
	}()
	l.stream = s
	return s, nil
}

// send sends the batches of an epoch, without the first skip, and its end. It returns false if the stream has ended.
func (l *Loader) send(ctx context.Context, s *stream, epoch, skip int) bool {
	put := func(i item) bool {
		select {
		case s.items <- i:
			return i.err == nil
		case <-ctx.Done():
			return false
		}
	}
	batches, err := l.order(epoch)
	if err != nil {
		return put(item{err: err})
	}
	for _, indices := range batches[min(skip, len(batches)):] {
		l.evict(s)
		b := l.batch(indices)
		if err := l.fetch(b); err != nil {
			return put(item{err: err})
		}
		if !put(item{batch: b}) {
			return false
		}
	}
	return put(item{})
}

// batch makes a batch of views.
func (l *Loader) batch(indices []int) *Batch {
	b := &Batch{Indices: indices, rows: make([]int, len(indices))}
	for i, index := range indices {
		b.rows[i] = l.rows[index]
	}
	for k, v := range l.values {
		views := make([][]byte, len(b.rows))
		for i, row := range b.rows {
			views[i] = l.files[k].view(row)
		}
		t := tensor.Tensor{Shape: append([]int{len(views)}, v.Shape...), Data: tensor.Rows[float32](views)}
		if l.stored == graph.BF16 {
			t.Data = tensor.Rows[tensor.BFloat16](views)
		}
		b.Values = append(b.Values, t)
	}
	return b
}

// makeResident requests all rows of a batch at once, which suits disks best, and then waits for each.
func (l *Loader) makeResident(b *Batch) error {
	for _, m := range l.files {
		for _, row := range b.rows {
			m.prefetch(row)
		}
	}
	for _, m := range l.files {
		for _, row := range b.rows {
			if err := m.touch(row); err != nil {
				return err
			}
		}
	}
	return nil
}

// evict removes used batches from this process's memory, which would otherwise grow to the size of the cache.
func (l *Loader) evict(s *stream) {
	for {
		select {
		case b := <-s.used:
			for _, m := range l.files {
				for _, row := range b.rows {
					m.evict(row)
				}
			}
		default:
			return
		}
	}
}

// stop ends the stream, if any, and waits for its goroutine.
func (l *Loader) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end()
}

// end is stop for callers that hold mu.
func (l *Loader) end() {
	if l.stream == nil {
		return
	}
	l.stream.cancel()
	for range l.stream.items { // until it is closed
	}
	l.stream = nil
}

// Close ends the background goroutine. A running loop over an epoch gets an error instead of its next batch, and so does any
// later loop.
func (l *Loader) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.end()
}
