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
	// maxKept limits the bytes that are kept for a reader that has stopped.
	maxKept = 64 << 10
)

// outlet writes to a file that may block its writer: a pipe whose reader has stopped, or a terminal after Ctrl-S. It waits at most a moment,
// and keeps further output until the reader reads again; of too much output it drops and counts the oldest lines. After an error it
// drops everything. Only one goroutine at a time may use it.
type outlet struct {
	patience time.Duration // of a write
	work     chan []byte
	done     chan error
	busy     bool   // a write is running
	gone     bool   // a write has failed
	kept     []byte // output to write next
	dropped  int    // lines before kept
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
	o.keep(p)
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

// keep appends a text to the kept output, and drops the oldest lines if it no longer fits.
func (o *outlet) keep(p []byte) {
	o.kept = append(o.kept, p...)
	if over := len(o.kept) - maxKept; over > 0 {
		if line := bytes.IndexByte(o.kept[over:], '\n'); line >= 0 {
			over += line + 1
		}
		o.dropped += bytes.Count(o.kept[:over], []byte("\n"))
		o.kept = bytes.Clone(o.kept[over:])
	}
}

// finish writes the kept output, and waits until that is done, a write has failed or ctx ends.
func (o *outlet) finish(ctx context.Context) {
	for !o.gone && (o.busy || len(o.kept) > 0) {
		if !o.busy {
			text := o.kept
			if o.dropped > 0 {
				text = append(fmt.Appendf(nil, "\n(%d lines are left out here, because nobody read them)\n", o.dropped), text...)
			}
			o.kept, o.dropped, o.busy = nil, 0, true
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
