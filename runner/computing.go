package runner

import (
	"os"
	"runtime"

	"dtl-tf/graph"
	"dtl-tf/runner/machine"
	"dtl-tf/runner/result"
)

// Computing returns how operations are computed on the processor, as run.json records it.
func Computing() (result.Computing, error) {
	c, err := graph.HowComputed()
	return result.Computing{OneDNN: c.OneDNN.State, OneDNNBy: c.OneDNN.By, Limit: c.OneDNN.Limit, Kernels: c.Kernels}, err
}

// UseProcessors sets GOMAXPROCS to the number of processors that control groups and affinity leave to the process, unless it is
// set in the environment. It limits the threads of image decoding, and of TensorFlow without --threads.
func UseProcessors() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(machine.Processors())
	}
}
