// Command dtl-tf fine-tunes frozen vision backbones with Disentangled Transfer Learning. This package only translates flags
// into calls of package runner.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	_ "dtl-tf/graph/capi/process" // this program owns its process
	"dtl-tf/runner"
	"dtl-tf/runner/report"
)

// version is set by the linker (see Makefile).
var version = "dev"

// The exit codes of the program.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
	exitNoReader    = 141 // as the shell reports a process killed by SIGPIPE
)

func main() {
	runner.UseProcessors()
	// By default SIGPIPE kills a Go program that writes to stdout or stderr without a reader, and the training run with it. If
	// SIGPIPE is ignored, the write returns an error instead.
	signal.Ignore(syscall.SIGPIPE)
	screen := report.NewScreen(os.Stderr)
	ctx := interruptible(screen)
	code := run(ctx, os.Args[1:], os.Stdout, screen)
	screen.Close(ctx)
	os.Exit(code)
}

// run executes one command line and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	readable, stop := context.WithCancel(ctx)
	defer stop()
	out := &output{w: stdout, stop: stop}
	err := dispatch(readable, args, streams{out: out, err: report.NewScreen(stderr)})
	if err == nil && out.failed != nil && !out.optional { // whatever the command made of it
		err = fmt.Errorf("standard output lacks a part of the result: %w", out.failed)
	}
	var usage *runner.UsageError
	code, text := exitFailed, ""
	if err != nil {
		text = err.Error()
	}
	switch {
	case out.lost && !out.optional && ctx.Err() == nil:
		return exitNoReader
	case err == nil:
		return exitDone
	case errors.Is(err, context.Canceled):
		code, text = exitInterrupted, interruption(text)
	case errors.As(err, &usage):
		code = exitUsage
	}
	fmt.Fprintf(stderr, "dtl-tf: %s\n", text)
	return code
}

// interruption is the message of an interrupted command, in which the words of package context add nothing.
func interruption(text string) string {
	const canceled, interrupted = "context canceled", "interrupted"
	if strings.Contains(text, interrupted) {
		return strings.ReplaceAll(text, ": "+canceled, "")
	}
	return strings.Replace(text, canceled, interrupted, 1)
}

// streams are a command's outputs: results go to out, progress and errors to err.
type streams struct {
	out *output
	err io.Writer
}

// ui returns the outputs in the form that package runner takes.
func (s streams) ui(quiet bool) runner.UI {
	return runner.UI{Out: s.out, Err: s.err, Quiet: quiet, Version: version}
}
