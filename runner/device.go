package runner

import (
	"os"
	"runtime"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/runner/machine"
	"dtl-tf/runner/result"
)

// device describes what the session's graph runs on.
func device(s *dtl.Session, threads int) (result.Device, error) {
	name, kind, err := s.Device()
	if err != nil {
		return result.Device{}, err
	}
	on := graph.Processor
	if kind == "GPU" {
		on = graph.GPU
	}
	d := result.Device{Name: name, Kind: kind, Model: deviceModel(on), Threads: threads}
	if d.Computing, err = Computing(); err != nil {
		return result.Device{}, err
	}
	if on == graph.GPU {
		d.Kernels = ""
	}
	return d, nil
}

// deviceModel is what the machine has of a kind of device.
func deviceModel(d graph.Device) string {
	if d == graph.GPU {
		return machine.GPUs()
	}
	return machine.Processor()
}

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
