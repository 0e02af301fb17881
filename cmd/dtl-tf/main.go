// Command dtl-tf fine-tunes frozen vision backbones with Disentangled Transfer Learning. This
// package only turns flags into calls of package runner.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"dtl-tf/runner"
)

// version is set by the linker (see Makefile).
var version = "dev"

// The exit codes of the program.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

func main() {
	os.Exit(run(interruptible(os.Stderr), os.Args[1:], os.Stdout, os.Stderr))
}

// run executes one command line and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	io := streams{out: stdout, err: stderr}
	err := dispatch(ctx, args, io)
	var usage *runner.UsageError
	switch {
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
	out, err io.Writer
}
