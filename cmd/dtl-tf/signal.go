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

// interruptible returns a context that the first Ctrl-C, SIGTERM or SIGHUP cancels: the command stops at a point from which it
// can be resumed and saves its work. A second Ctrl-C or SIGTERM ends the process at once and leaves what kill -9 leaves: the last
// checkpoints, and temporary files that the next run removes.
//
// Under nohup, which ignores SIGHUP, the command continues when its terminal is closed.
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
		fmt.Fprintln(stderr, "\nstopping; press Ctrl-C again to stop at once and lose what is not saved yet")
		for s := range signals {
			if again(s, time.Since(first)) {
				os.Exit(exitInterrupted)
			}
		}
	}()
	return ctx
}

// oneRequest is the time within which several signals count as one request to stop: timeout(1) sends SIGTERM to its command and
// then to the command's process group, and a script that gets Ctrl-C along with the program may forward SIGTERM.
const oneRequest = time.Second

// again tells whether a signal is a new request to stop, given the time since the first one. SIGHUP never is: kernel and shell
// both send it when a terminal is closed.
func again(s os.Signal, after time.Duration) bool {
	switch s {
	case syscall.SIGHUP:
		return false
	case syscall.SIGTERM:
		return after >= oneRequest
	}
	return true
}
