package capi

/*
void begin_filter(const char *const *drop);
void end_filter(void);

// Lines that TensorFlow prints to stderr when the first graph of a process runs, whatever its log level: they come from a logging
// library in it that was not set up, which the C API has no way to do.
static const char *const greetings[] = {
	"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
	"MLIR V1 optimization pass is not enabled",
	0
};
static void begin(void) { begin_filter(greetings); }
*/
import "C"

import (
	"sync"
	"syscall"

	tf "github.com/wamuir/graft/tensorflow"
)

var greet sync.Once

// swallowGreetings runs a graph of one constant, with the options that the caller's session has (the first session of a process
// fixes TensorFlow's thread pools), and drops the greetings from what is printed meanwhile. All else reaches stderr at once,
// also what is said right before the process aborts.
func swallowGreetings(o *tf.SessionOptions) {
	greet.Do(func() {
		filterStderr(func() { runConstant(o) })
	})
}

// filterStderr drops the greetings from what is said on stderr while f runs.
func filterStderr(f func()) {
	syscall.ForkLock.RLock() // no process is started that would keep the filter alive
	defer syscall.ForkLock.RUnlock()
	C.begin()
	defer C.end_filter()
	f()
}

func runConstant(o *tf.SessionOptions) {
	g := tf.NewGraph()
	value, err := tf.NewTensor(float32(0))
	if err != nil {
		return
	}
	op, err := g.AddOperation(tf.OpSpec{Type: "Const", Attrs: map[string]any{"dtype": tf.Float, "value": value}})
	if err != nil {
		return
	}
	s, err := tf.NewSession(g, o)
	if err != nil {
		return // the caller's own session will fail with the same, and report it
	}
	defer s.Close()
	_, _ = s.Run(nil, []tf.Output{op.Output(0)}, nil)
}
