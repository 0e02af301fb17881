package report

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"
)

const (
	// usualPatience is how long a writer waits for a reader: a command that is being watched never notices, and one
	// whose reader has stopped loses no more than this.
	usualPatience = time.Second
	// mostKept is how many bytes are kept for a reader that has stopped.
	mostKept = 64 << 10
)

// outlet writes to a file that can keep its writer waiting: a pipe whose reader has stopped, or a terminal after Ctrl-S. It waits a moment
// only. What comes meanwhile is kept, and written when the reader reads again; of too much the older lines are left out and counted.
// When the reader is gone, all is dropped. It is for one goroutine at a time.
type outlet struct {
	patience time.Duration
	work     chan []byte
	done     chan error
	busy     bool   // a write is under way
	gone     bool   // writing has failed
	kept     []byte // to be written next
	left     int    // lines that were left out before kept
}

func newOutlet(w io.Writer) *outlet {
	o := &outlet{patience: usualPatience, work: make(chan []byte), done: make(chan error, 1)}
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
	if o.busy { // the reader had stopped: has it gone on?
		select {
		case err := <-o.done:
			o.written(err)
		default:
			return len(p), nil
		}
	}
	o.begin()
	select {
	case err := <-o.done:
		o.written(err)
	case <-time.After(o.patience):
	}
	return len(p), nil
}

// keep appends a text to what waits. The oldest lines are dropped if it no longer fits.
func (o *outlet) keep(p []byte) {
	o.kept = append(o.kept, p...)
	if over := len(o.kept) - mostKept; over > 0 {
		if line := bytes.IndexByte(o.kept[over:], '\n'); line >= 0 {
			over += line + 1
		}
		o.left += bytes.Count(o.kept[:over], []byte("\n"))
		o.kept = bytes.Clone(o.kept[over:])
	}
}

// begin writes what is kept in the background.
func (o *outlet) begin() {
	text := o.kept
	if o.left > 0 {
		text = append(fmt.Appendf(nil, "\n(%d lines are left out here, because nobody read them)\n", o.left), text...)
	}
	o.kept, o.left, o.busy = nil, 0, true
	o.work <- text
}

func (o *outlet) written(err error) {
	o.busy, o.gone = false, err != nil
}

// finish waits until all is written or writing has failed, or until ctx ends.
func (o *outlet) finish(ctx context.Context) {
	for !o.gone && (o.busy || len(o.kept) > 0) {
		if !o.busy {
			o.begin()
		}
		select {
		case err := <-o.done:
			o.written(err)
		case <-ctx.Done():
			return
		}
	}
}
