package compare

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// Starter prepares the process that measures one method.
type Starter func(ctx context.Context) *exec.Cmd

// self starts this program again.
func self(ctx context.Context) (*exec.Cmd, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the program itself, to start it for each method: %w", err)
	}
	return exec.CommandContext(ctx, path, ChildCommand), nil
}

// one measures a method in a separate process. The row says what went wrong where something did; the error is for
// what concerns the others too: the process could not be started, or the user has stopped the program.
func one(ctx context.Context, start Starter, r request, progress func(what string, count int)) (Row, error) {
	failed := func(format string, args ...any) (Row, error) {
		return Row{Method: r.Method, Failure: &Failure{Error: fmt.Sprintf(format, args...)}}, nil
	}
	var command *exec.Cmd
	var err error
	if start != nil {
		command = start(ctx)
	} else if command, err = self(ctx); err != nil {
		return Row{}, err
	}
	var complaints opening
	command.Stderr = &complaints
	in, err := command.StdinPipe()
	if err != nil {
		return Row{}, err
	}
	out, err := command.StdoutPipe()
	if err != nil {
		return Row{}, err
	}
	if err := command.Start(); err != nil {
		return Row{}, fmt.Errorf("start a process for the method %s: %w", r.Method, err)
	}
	if err := json.NewEncoder(in).Encode(r); err != nil {
		_ = command.Process.Kill()
	}
	last := listen(out, progress)
	err = command.Wait() // closes in
	if ctx.Err() != nil {
		return Row{}, ctx.Err()
	}
	switch {
	case last.Row != nil:
		return *last.Row, nil
	case last.Error != "" && isOutOfMemory(last.Error):
		return failed("does not fit into memory: TensorFlow says %s", firstLine(last.Error))
	case last.Error != "":
		return failed("%s", firstLine(last.Error))
	case isOutOfMemory(complaints.String()):
		return failed("does not fit into memory: %s", firstLine(complaints.String()))
	case killed(err):
		return failed("does not fit into memory: the system ended its process, as it does when memory runs out")
	case err != nil:
		return failed("its process failed (%v): %s", err, firstLine(complaints.String()))
	}
	return failed("its process ended without a result")
}

// listen reads messages until the child closes its output and returns the last that is no progress.
func listen(out io.Reader, progress func(string, int)) (last message) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var m message
		if json.Unmarshal(lines.Bytes(), &m) != nil {
			continue // a library that prints to the standard output
		}
		if m.Row != nil || m.Error != "" {
			last = m
		} else if progress != nil {
			progress(m.What, m.Count)
		}
	}
	_, _ = io.Copy(io.Discard, out)
	return last
}

// isOutOfMemory knows the words of TensorFlow's allocators and of C++.
func isOutOfMemory(text string) bool {
	for _, sign := range []string{"OOM when allocating", "ResourceExhausted", "RESOURCE_EXHAUSTED", "bad_alloc", "Out of memory", "out of memory", "cannot allocate memory"} {
		if strings.Contains(text, sign) {
			return true
		}
	}
	return false
}

// killed tells whether a process was ended from outside, as Linux does when memory runs out.
func killed(err error) bool {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	if line == "" {
		return "it said nothing"
	}
	return line
}

// opening keeps the start of what is written to it: a crash prints its reason and then pages of stack.
type opening struct{ bytes.Buffer }

func (t *opening) Write(p []byte) (int, error) {
	const most = 64 << 10
	if t.Len() < most {
		t.Buffer.Write(p[:min(len(p), most-t.Len())])
	}
	return len(p), nil
}
