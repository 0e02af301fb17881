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
	"regexp"
	"slices"
	"strings"
	"syscall"
)

// Starter prepares the process that measures one method.
type Starter func(ctx context.Context) *exec.Cmd

// self prepares to start this program as a child.
func self(ctx context.Context) *exec.Cmd {
	path, err := os.Executable()
	if err != nil {
		path = os.Args[0]
	}
	return exec.CommandContext(ctx, path, ChildCommand)
}

// measureInChild measures a method in a separate process. If the measurement fails, the row has the reason. The error is for
// failures that concern the other methods too: the process could not be started, or ctx has ended.
func measureInChild(ctx context.Context, start Starter, r request, progress func(what string, count int)) (Row, error) {
	if start == nil {
		start = self
	}
	command := start(ctx)
	var stderr head
	command.Stderr = &stderr
	in, inErr := command.StdinPipe()
	out, outErr := command.StdoutPipe()
	if err := errors.Join(inErr, outErr); err != nil {
		return Row{}, err
	}
	if err := command.Start(); err != nil {
		return Row{}, fmt.Errorf("start a process for the method %s: %w", r.Method, err)
	}
	if err := json.NewEncoder(in).Encode(r); err != nil {
		_ = command.Process.Kill()
	}
	last := listen(out, progress)
	err := command.Wait() // closes in
	if ctx.Err() != nil {
		return Row{}, ctx.Err()
	}
	var failure string
	switch {
	case last.Row != nil:
		return *last.Row, nil
	case isOutOfMemory(last.Error):
		failure = "does not fit into memory: TensorFlow says " + firstLine(last.Error)
	case last.Error != "":
		failure = firstLine(last.Error)
	case isOutOfMemory(stderr.String()):
		failure = "does not fit into memory: " + reasonIn(stderr.String())
	case isKilled(err):
		failure = "does not fit into memory: the system ended its process, as it does when memory runs out"
	case err != nil:
		failure = fmt.Sprintf("its process failed (%v): %s", err, reasonIn(stderr.String()))
	default:
		failure = "its process ended without a result"
	}
	return Row{Method: r.Method, Failure: &Failure{Error: failure}}, nil
}

// maxMessage is the largest message of a child, in bytes.
const maxMessage = 16 << 20

// listen reads the messages of a child until it closes its output, and returns the last one that is not progress.
func listen(out io.Reader, progress func(what string, count int)) (last message) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, maxMessage)
	for lines.Scan() {
		var m message
		if json.Unmarshal(lines.Bytes(), &m) != nil {
			continue // printed by a library
		}
		if m.Row != nil || m.Error != "" {
			last = m
		} else {
			progress(m.What, m.Count)
		}
	}
	_, _ = io.Copy(io.Discard, out)
	return last
}

// isOutOfMemory recognises the messages of TensorFlow's allocators and of C++.
func isOutOfMemory(text string) bool {
	signs := []string{"OOM when allocating", "ResourceExhausted", "RESOURCE_EXHAUSTED", "bad_alloc", "Out of memory", "out of memory", "cannot allocate memory"}
	return slices.ContainsFunc(signs, func(sign string) bool { return strings.Contains(text, sign) })
}

// isKilled reports whether SIGKILL ended a process, as Linux does when memory runs out.
func isKilled(err error) bool {
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

// logged is what TensorFlow says of itself on standard error, whatever happens: notices and warnings. Later versions than 2.18 announce them.
var logged = regexp.MustCompile(`(?m)^(WARNING: All log messages before absl|[IW]\d{4} |\d{4}-\d\d-\d\d [0-9:.]+: [IW] ).*\n?`)

// reasonIn is the first line of a child's standard error that is not logged.
func reasonIn(text string) string { return firstLine(logged.ReplaceAllString(text, "")) }

// maxHead is the number of bytes that a head keeps.
const maxHead = 64 << 10

// head keeps the first bytes that are written to it: a crash prints its reason before pages of stack traces.
type head struct{ bytes.Buffer }

func (h *head) Write(p []byte) (int, error) {
	h.Buffer.Write(p[:min(len(p), maxHead-h.Len())])
	return len(p), nil
}

// ChildCommand is the argument with which the program starts itself to measure one method.
const ChildCommand = "compare-one"

// message is a line of JSON from a child to its parent: progress, the row, or an error.
type message struct {
	What  string `json:"what,omitempty"`
	Count int    `json:"count,omitempty"` // number of finished steps
	Row   *Row   `json:"row,omitempty"`
	Error string `json:"error,omitempty"`
}

// Child measures one method. It reads a request as JSON from in, and writes messages as lines of JSON to out. It calls orphaned
// when in is closed, which means that the parent has ended.
func Child(in io.Reader, out io.Writer, orphaned func()) error {
	// If memory runs out, Linux is to end this process and not its parent.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0o644)
	input := json.NewDecoder(in)
	var r request
	if err := input.Decode(&r); err != nil {
		return fmt.Errorf("this command is for 'dtl-tf compare' alone: %w", err)
	}
	go func() {
		_, _ = io.Copy(io.Discard, io.MultiReader(input.Buffered(), in))
		orphaned()
	}()
	output := json.NewEncoder(out)
	row, err := measure(r, func(what string, count int) { _ = output.Encode(message{What: what, Count: count}) })
	last := message{Row: &row}
	if err != nil {
		last = message{Error: err.Error()}
	}
	_ = output.Encode(last) // it can only fail if the parent has ended
	return nil
}
