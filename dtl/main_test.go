package dtl

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"dtl-tf/graph"
)

// onGPU runs the tests on a GPU: models that name no device are built for it, and TensorFlow places their ops there. Without a GPU
// the tests fail rather than run on the processor.
var onGPU = flag.Bool("gpu", false, "build the models of the tests for a GPU, which must be there")

func TestMain(m *testing.M) {
	flag.Parse()
	if *onGPU {
		if found, err := graph.FindDevice(graph.SessionOptions{}); err != nil || found != graph.GPU {
			fmt.Fprintf(os.Stderr, "-gpu: TensorFlow finds %q (error: %v)\n", found, err)
			os.Exit(1)
		}
		defaultDevice = graph.GPU
	}
	os.Exit(m.Run())
}
