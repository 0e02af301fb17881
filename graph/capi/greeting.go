package capi

/*
void begin_filter(const char *const *drop);
void end_filter(void);

// Lines that TensorFlow prints to stderr when the first graph of a process runs, at any log level. They come from its
// logging library, which reports that it was not initialised; the C API has no way to initialise it.
static const char *const greetings[] = {
	"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
	"MLIR V1 optimization pass is not enabled",
	"Started server with target: grpc://", // the program says where it listens
	"failed call to cuInit", // the CUDA build without a GPU; CUDABuild and the list of devices tell that in a way that can be reported
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

// FilterGreetings makes the first session of the process drop those lines. Package process sets it; it redirects stderr and
// forks, which only a program may decide.
var FilterGreetings bool

var greet sync.Once

// swallowGreetings provokes the greetings and drops them. It runs a graph of one constant with the options of the caller's
// session, because the first session of a process fixes TensorFlow's thread pools. Everything else on stderr passes through at
// once, including the last words of a process that aborts.
func swallowGreetings(o *tf.SessionOptions) {
	if !FilterGreetings {
		return
	}
	greet.Do(func() {
		filterStderr(func() { runConstant(o) })
	})
}

// filterStderr drops the greetings from stderr while f runs.
func filterStderr(f func()) {
	syscall.ForkLock.RLock() // a process started now would inherit the pipe and keep the filter alive
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
		return // the caller's own session will fail in the same way and report it
	}
	defer s.Close()
	_, _ = s.Run(nil, []tf.Output{op.Output(0)}, nil)
}
