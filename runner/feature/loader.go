package feature

import (
	"context"
	"errors"
	"iter"
	"sync"

	"dtl-tf/graph/tensor"
)

// Batch is stored values of some images. It is valid until the loop over the epoch asks for the next.
type Batch struct {
	Values  []tensor.Tensor // in the order of Options.Values, [B, Shape...]: views into the mapped files
	Indices []int           // [B], of the rows given to Loader

	rows []int // [B], of the files
}

// Loader makes batches of a store's rows, for one goroutine; any other may close it. Their pages are resident when a batch is
// handed out: while a step runs on one batch, the next are read from the disk.
type Loader struct {
	values []Value
	files  []*mapped // of the values
	stored string    // the type of their elements
	rows   []int
	order  func(epoch int) ([][]int, error)
	last   int
	fetch  func(*Batch) error // makes the rows of a batch resident

	changing sync.Mutex // held while stream and closed change
	stream   *stream    // nil before the first epoch and after a loop that was left early
	closed   bool
}

var errClosed = errors.New("the feature cache is closed")

// stream makes the batches of one epoch after the other in the background.
type stream struct {
	epoch  int // the one whose batches come next
	skip   int // its batches that do not come
	items  chan item
	used   chan *Batch // to be released
	cancel context.CancelFunc
	done   chan struct{} // closed when nothing runs any more
}

// item is a batch, the end of an epoch, or the error that ends the stream.
type item struct {
	batch *Batch
	err   error
}

// Loader gives batches in the order of a function that returns, for an epoch, the indices of each batch; index i is of the image
// in rows[i]. last is the last epoch that will be asked for. Nothing may be Missing.
func (s *Store) Loader(rows []int, order func(epoch int) ([][]int, error), last int) (*Loader, error) {
	if len(s.Missing()) > 0 {
		return nil, errors.New("feature: the values were not all written yet")
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

// Epoch loops over the batches of an epoch without its first skip. After an error, that of a file, of ctx or of a closed
// loader or store, the loop ends.
func (l *Loader) Epoch(ctx context.Context, epoch, skip int) iter.Seq2[*Batch, error] {
	return func(yield func(*Batch, error) bool) {
		if !l.hold() {
			yield(nil, errClosed)
			return
		}
		defer l.letGo()
		s, err := l.at(epoch, skip)
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
			default: // it stays in memory until the kernel wants the room
			}
		}
	}
}

// next waits for a batch, nil at the end of the epoch.
func (s *stream) next(ctx context.Context) (*Batch, error) {
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case i := <-s.items:
		return i.batch, i.err
	case <-s.done: // by itself, and what it made last still waits, or because the loader was closed
		select {
		case i := <-s.items:
			return i.batch, i.err
		default:
			return nil, errClosed
		}
	}
}

// hold keeps the values in memory until letGo. It is false if they are gone.
func (l *Loader) hold() bool {
	for i, m := range l.files {
		if !m.hold() {
			for _, m := range l.files[:i] {
				m.letGo()
			}
			return false
		}
	}
	return true
}

func (l *Loader) letGo() {
	for _, m := range l.files {
		m.letGo()
	}
}

// at returns the stream whose next batches are those of the epoch.
func (l *Loader) at(epoch, skip int) (*stream, error) {
	l.changing.Lock()
	defer l.changing.Unlock()
	switch {
	case l.closed:
		return nil, errClosed
	case l.stream != nil && l.stream.epoch == epoch && l.stream.skip == skip && epoch <= l.last:
		return l.stream, nil
	}
	l.end()
	if !l.hold() { // what runs in the background may outlive the loop
		return nil, errClosed
	}
	ctx, cancel := context.WithCancel(context.Background())
	// One batch waits in items and the next waits to get there, so two are ready beyond the one in use.
	s := &stream{epoch: epoch, skip: skip, items: make(chan item, 1), used: make(chan *Batch, 4), cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		defer l.letGo()
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

// send puts an epoch without its first skip batches into the stream. It returns false when that ended.
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
		l.release(s)
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

// batch makes the views.
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
		if l.stored == BF16 {
			t.Data = tensor.Rows[tensor.BFloat16](views)
		}
		b.Values = append(b.Values, t)
	}
	return b
}

// makeResident asks for all rows of a batch at once, which disks like best, and then waits for each.
func (l *Loader) makeResident(b *Batch) error {
	for _, m := range l.files {
		for _, row := range b.rows {
			m.announce(row)
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

// release takes used batches out of this process's memory, which would grow to the size of the cache.
func (l *Loader) release(s *stream) {
	for {
		select {
		case b := <-s.used:
			for _, m := range l.files {
				for _, row := range b.rows {
					m.release(row)
				}
			}
		default:
			return
		}
	}
}

// stop ends the stream, if there is one, and waits for it.
func (l *Loader) stop() {
	l.changing.Lock()
	defer l.changing.Unlock()
	l.end()
}

// end is stop for those who hold changing.
func (l *Loader) end() {
	if l.stream == nil {
		return
	}
	l.stream.cancel()
	<-l.stream.done
	l.stream = nil
}

// Close ends what runs in the background. A loop over an epoch that is under way gets an error with its next batch, as does any
// later one.
func (l *Loader) Close() {
	l.changing.Lock()
	defer l.changing.Unlock()
	l.closed = true
	l.end()
}
