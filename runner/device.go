package runner

import (
	"fmt"
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

// computingRows adds to doctor's table what computes on the processor, and gives what is wrong with it.
func computingRows(row func(string, string, ...any)) (advice []string) {
	c, err := Computing()
	state := c.OneDNN
	switch c.OneDNNBy {
	case "dtl-tf":
		state += " (TF_ENABLE_ONEDNN_OPTS=1, set by dtl-tf)"
	case "environment":
		state += " (TF_ENABLE_ONEDNN_OPTS in the environment)"
	default:
		state = "as TensorFlow chooses"
	}
	if c.OneDNN == "off" {
		advice = append(advice, "TF_ENABLE_ONEDNN_OPTS in the environment turns oneDNN off: matrix products take longer, in fp32 1.4 times as long with AVX2.")
	}
	if c.Limit != "" {
		state += ", limited to " + c.Limit
		advice = append(advice, fmt.Sprintf("ONEDNN_MAX_CPU_ISA in the environment limits oneDNN to %s: unset it, unless that is to measure something.", c.Limit))
	}
	row("oneDNN", "%s", state)
	for _, p := range []graph.Precision{graph.BF16, graph.FP16} {
		if err := p.Usable(); err != nil {
			advice = append(advice, err.Error()+".")
		}
	}
	row("kernels", "%s", orNoneString(c.Kernels))
	if err != nil {
		advice = append(advice, err.Error()+".")
	}
	return advice
}

// UseProcessors makes Go code, and with it decoding and TensorFlow where no number of threads is given, use as many threads as the
// process may have processors, control groups and affinity considered. GOMAXPROCS in the environment says otherwise.
func UseProcessors() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(machine.Processors())
	}
}
