package graph

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"strings"
	"sync"

	tf "github.com/wamuir/graft/tensorflow"
	"golang.org/x/sys/unix"
)

// greetings are lines that TensorFlow prints to stderr when the first graph of a process runs,
// whatever its log level: they come from before its logging is set up, which the C API has no way to do.
var greetings = []string{
	"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
	"MLIR V1 optimization pass is not enabled",
}

var greet sync.Once

// swallowGreetings runs a graph of one constant, with the options that the caller's session has (the first
// session of a process fixes TensorFlow's thread pools), and drops the greetings from what is printed
// meanwhile. Whatever else comes to stderr is passed on.
func swallowGreetings(options *tf.SessionOptions) {
	greet.Do(func() {
		filterStderr(func() {
			g := tf.NewGraph()
			value, err := tf.NewTensor(float32(0))
			if err != nil {
				return
			}
			op, err := g.AddOperation(tf.OpSpec{Type: "Const", Attrs: map[string]any{"dtype": tf.Float, "value": value}})
			if err != nil {
				return
			}
			s, err := tf.NewSession(g, options)
			if err != nil {
				return // the caller's own session will fail with the same, and report it
			}
			defer s.Close()
			_, _ = s.Run(nil, []tf.Output{op.Output(0)}, nil)
		})
	})
}

// filterStderr points file descriptor 2 at a temporary file while f runs, then copies what is not a
// greeting to the real one. If that can't be set up, f just runs.
func filterStderr(f func()) {
	real, err := unix.Dup(2)
	if err != nil {
		f()
		return
	}
	defer unix.Close(real)
	file, err := os.CreateTemp("", "dtl-tf-stderr-*")
	if err != nil {
		f()
		return
	}
	defer file.Close()
	defer os.Remove(file.Name())
	if err := unix.Dup2(int(file.Fd()), 2); err != nil {
		f()
		return
	}
	func() {
		defer func() { _ = unix.Dup2(real, 2) }()
		f()
	}()
	if _, err := file.Seek(0, io.SeekStart); err == nil {
		_, _ = os.Stderr.Write(withoutGreetings(file))
	}
}

func withoutGreetings(r io.Reader) []byte {
	var out bytes.Buffer
	lines := bufio.NewScanner(r)
next:
	for lines.Scan() {
		for _, g := range greetings {
			if strings.Contains(lines.Text(), g) {
				continue next
			}
		}
		out.WriteString(lines.Text() + "\n")
	}
	return out.Bytes()
}
