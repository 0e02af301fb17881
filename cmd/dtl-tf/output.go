package main

import (
	"errors"
	"io"
	"syscall"
)

// output is stdout. Its reader may go away, as head does after a few lines. A command that leaves its product on the disk does not
// care, and goes on. Any other is stopped.
type output struct {
	w        io.Writer
	optional bool   // the command's product is on the disk
	stop     func() // ends the command
	lost     bool   // the reader is gone
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	if o.lost && o.optional {
		return len(p), nil
	}
	n, err := o.w.Write(p)
	if !readerGone(err) {
		return n, err
	}
	o.lost = true
	if o.optional {
		return len(p), nil
	}
	o.stop()
	return n, err
}

// readerGone tells whether writing failed because there is nobody to read: the other end of a pipe is closed, or the terminal is.
func readerGone(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.EIO)
}
