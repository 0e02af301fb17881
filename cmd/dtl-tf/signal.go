package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// interruptible is a context that ends with the first Ctrl-C, SIGTERM or SIGHUP: the command stops where it can go on
// from and saves what was done. A second Ctrl-C or SIGTERM ends the process at once. What that leaves behind is the same as after
// kill -9: the last checkpoints, and unfinished files that the next run removes.
//
// Under nohup, which ignores SIGHUP, the command goes on when its terminal is closed.
func interruptible(stderr io.Writer) context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(signals, syscall.SIGHUP)
	}
	go func() {
		<-signals
		first := time.Now()
		cancel()
		fmt.Fprintln(stderr, "\nstopping; once more to stop at once and lose what was done since the last checkpoint")
		for s := range signals {
			if again(s, time.Since(first)) {
				os.Exit(exitInterrupted)
			}
		}
	}()
	return ctx
}

// oneRequest is the time in which several signals are one request to stop: timeout(1) sends SIGTERM to its command and then
// to the command's group, and a script that gets Ctrl-C together with the program sends SIGTERM on.
const oneRequest = time.Second

// again tells whether a signal that comes so long after the first is a new request. Kernel and shell both send SIGHUP when a
// terminal is closed.
func again(s os.Signal, after time.Duration) bool {
	switch s {
	case syscall.SIGHUP:
		return false
	case syscall.SIGTERM:
		return after >= oneRequest
	}
	return true
}
