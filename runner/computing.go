package runner

import (
	"os"
	"runtime"

	"dtl-tf/graph"
	"dtl-tf/runner/machine"
	"dtl-tf/runner/result"
)

// Computing describes what computes on the processor.
func Computing() (result.Computing, error) {
	c, err := graph.HowComputed()
	return result.Computing{OneDNN: c.OneDNN.State, OneDNNBy: c.OneDNN.By, Limit: c.OneDNN.Limit, Kernels: c.Kernels}, err
}

// UseProcessors makes Go code, and with it decoding and TensorFlow where no number of threads is given, use as many threads as the
// process may have processors, control groups and affinity considered. GOMAXPROCS in the environment says otherwise.
func UseProcessors() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(machine.Processors())
	}
}
