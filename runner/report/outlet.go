package report

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"
)

const (
	// maxWait limits how long a writer waits for a reader that has stopped.
	maxWait = time.Second
	// maxPending limits the bytes that are kept for a reader that has stopped.
	maxPending = 64 << 10
)

// outlet writes to a file that may block its writer: a pipe whose reader has stopped, or a terminal after Ctrl-S. It waits at
// most a moment, and keeps further output until the reader reads again; of too much output it drops and counts the oldest lines.
// After an error it drops everything. Only one goroutine at a time may use it.
type outlet struct {
	patience time.Duration // of a write
	work     chan []byte
	done     chan error
	busy     bool   // a write is running
	gone     bool   // a write has failed
	pending  []byte // output to write next
	dropped  int    // lines before pending
}

func newOutlet(w io.Writer) *outlet {
	o := &outlet{patience: maxWait, work: make(chan []byte), done: make(chan error, 1)}
	go func() {
		for p := range o.work {
			_, err := w.Write(p)
			o.done <- err
		}
	}()
	return o
}

// Write implements io.Writer. It never fails.
func (o *outlet) Write(p []byte) (int, error) {
	if o.gone {
		return len(p), nil
	}
	o.add(p)
	if o.busy { // the reader had stopped
		select {
		case err := <-o.done:
			o.busy, o.gone = false, err != nil
		default:
			return len(p), nil
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), o.patience)
	defer cancel()
	o.finish(ctx)
	return len(p), nil
}

// add appends a text to the pending output, and drops the oldest lines if it no longer fits.
func (o *outlet) add(p []byte) {
	o.pending = append(o.pending, p...)
	if over := len(o.pending) - maxPending; over > 0 {
		if line := bytes.IndexByte(o.pending[over:], '\n'); line >= 0 {
			over += line + 1
		}
		o.dropped += bytes.Count(o.pending[:over], []byte("\n"))
		o.pending = bytes.Clone(o.pending[over:])
	}
}

// finish writes the pending output, and waits until that is done, a write has failed or ctx ends.
func (o *outlet) finish(ctx context.Context) {
	for !o.gone && (o.busy || len(o.pending) > 0) {
		if !o.busy {
			text := o.pending
			if o.dropped > 0 {
				text = append(fmt.Appendf(nil, "\n(%d lines are left out here, because nobody read them)\n", o.dropped), text...)
			}
			o.pending, o.dropped, o.busy = nil, 0, true
			o.work <- text
		}
		select {
		case err := <-o.done:
			o.busy, o.gone = false, err != nil
		case <-ctx.Done():
			return
		}
	}
}
