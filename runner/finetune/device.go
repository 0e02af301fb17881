package finetune

import (
	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/runner"
	"dtl-tf/runner/machine"
	"dtl-tf/runner/result"
)

// device describes what the session's graph runs on.
func device(s *dtl.Predictor, threads int) (result.Device, error) {
	name, kind, err := s.Device()
	if err != nil {
		return result.Device{}, err
	}
	on := graph.Processor
	if kind == "GPU" {
		on = graph.GPU
	}
	d := result.Device{Name: name, Kind: kind, Model: deviceModel(on), Threads: threads}
	if d.Computing, err = runner.Computing(); err != nil {
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
