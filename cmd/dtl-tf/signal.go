package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// interruptible is a context that ends with the first Ctrl-C or SIGTERM: the command stops where it can go on
// from and saves what was done. The second one ends the process at once. What that leaves behind is the same as after
// kill -9: the last checkpoints, and unfinished files that the next run removes.
func interruptible(stderr io.Writer) context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		cancel()
		fmt.Fprintln(stderr, "\nstopping; once more to stop at once and lose what was done since the last checkpoint")
		<-signals
		os.Exit(exitInterrupted)
	}()
	return ctx
}
