package serve

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// waiting is one image of a request in the queue.
type waiting struct {
	ctx      context.Context // of the request
	pixels   []uint8         // [S, S, 3]
	adapters []*served
	since    time.Time
	request  *request

	answer answer // written before the request is ready
}

// answer is what the adapters say about an image.
type answer struct {
	logits  [][]float32 // of each adapter
	err     error
	batch   int           // images of its batch
	queued  time.Duration // until the batch began
	compute time.Duration // of the batch
}

// request counts the images of a request that are not answered yet.
type request struct {
	left    atomic.Int64
	ready   chan struct{} // closed once all are
	release func()        // lets go of the adapters
}

func (w *waiting) finish(err error) {
	if err != nil {
		w.answer.err = err
	}
	if w.request.left.Add(-1) == 0 {
		w.request.release()
		close(w.request.ready)
	}
}

// The errors of reserve and push.
var (
	errFull   = errors.New("the queue is full: try again later")
	errClosed = errors.New("the server is stopping")
)

// queue holds images in the order of their arrival, at most capacity of them.
type queue struct {
	capacity int
	arrived  chan struct{} // gets a value after a push, and is never full for long

	mu       sync.Mutex
	list     []*waiting
	reserved int // places for images that are being decoded
	closed   bool
}

func newQueue(capacity int) *queue {
	return &queue{capacity: capacity, arrived: make(chan struct{}, 1)}
}

// reserve keeps places for the images of a request, which push or cancel gives up. So no request is decoded in vain.
func (q *queue) reserve(n int) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return errClosed
	case len(q.list)+q.reserved+n > q.capacity:
		return errFull
	}
	q.reserved += n
	return nil
}

// cancel gives up reserved places.
func (q *queue) cancel(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.reserved -= n
}

// push adds all images of a request in its reserved places, or none of them.
func (q *queue) push(images []*waiting) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.reserved -= len(images)
	if q.closed {
		return errClosed
	}
	q.list = append(q.list, images...)
	q.signal()
	return nil
}

func (q *queue) signal() {
	select {
	case q.arrived <- struct{}{}:
	default:
	}
}

// take removes up to n images. Images of requests that have ended are finished with the reason and do not count.
func (q *queue) take(n int) []*waiting {
	q.mu.Lock()
	var taken, dead []*waiting
	used := 0
	for _, w := range q.list {
		if len(taken) == n {
			break
		}
		used++
		if w.ctx.Err() != nil {
			dead = append(dead, w)
		} else {
			taken = append(taken, w)
		}
	}
	rest := copy(q.list, q.list[used:])
	clear(q.list[rest:])
	q.list = q.list[:rest]
	q.mu.Unlock()
	for _, w := range dead {
		w.finish(context.Cause(w.ctx))
	}
	return taken
}

// length is the number of images that wait.
func (q *queue) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.list)
}

// close refuses further images. Those in the queue stay.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.signal()
}

func (q *queue) isClosed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed
}

// ended tells whether the queue is closed and empty.
func (q *queue) ended() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed && len(q.list) == 0
}
