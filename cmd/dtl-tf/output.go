package main

import (
	"errors"
	"io"
	"syscall"
)

// output is stdout. Its reader may exit early, as head does after a few lines. A command whose result is on the disk then
// continues; any other is stopped.
type output struct {
	w        io.Writer
	optional bool   // the command's result is on the disk
	stop     func() // stops the command
	lost     bool   // the reader is gone
	failed   error  // of the first write that failed otherwise, such as on a full disk
}

// Unwrap returns the writer behind the output.
func (o *output) Unwrap() io.Writer { return o.w }

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	if o.lost && o.optional {
		return len(p), nil
	}
	n, err := o.w.Write(p)
	if !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.EIO) { // the reader's end of the pipe or the terminal is open
		if o.failed == nil {
			o.failed = err
		}
		return n, err
	}
	o.lost = true
	if o.optional {
		return len(p), nil
	}
	o.stop()
	return n, err
}
