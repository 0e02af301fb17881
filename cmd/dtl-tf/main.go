// Command dtl-tf fine-tunes frozen vision backbones with Disentangled Transfer Learning. This
// package only turns flags into calls of package runner.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
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
	exitNoReader    = 141 // what a shell says of a filter that SIGPIPE has ended
)

func main() {
	runner.UseProcessors()
	// By default a Go program dies of SIGPIPE when stdout or stderr is a pipe without a reader, and a training run would with it. When
	// SIGPIPE is ignored, writing fails.
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
	var usage *runner.UsageError
	switch {
	case out.lost && !out.optional && ctx.Err() == nil:
		return exitNoReader
	case err == nil:
		return exitDone
	case errors.Is(err, context.Canceled):
		fmt.Fprintf(stderr, "dtl-tf: %v\n", err)
		return exitInterrupted
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "dtl-tf: %v\n", err)
		return exitUsage
	default:
		fmt.Fprintf(stderr, "dtl-tf: %v\n", err)
		return exitFailed
	}
}

// streams are where a command prints: results to out, progress and problems to err.
type streams struct {
	out *output
	err io.Writer
}
