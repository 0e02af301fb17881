package finetune

import (
	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/graph/capi"
	"dtl-tf/runner"
	"dtl-tf/runner/machine"
	"dtl-tf/runner/result"
)

// device describes the device that the trainer runs on.
func device(t *dtl.Trainer, c runner.StepConfig, devices runner.Devices) (result.Device, error) {
	name, kind, err := t.Device()
	if err != nil {
		return result.Device{}, err
	}
	on := graph.Processor
	if kind == "GPU" {
		on = graph.GPU
	}
	d := result.Device{Name: name, Kind: kind, Model: deviceModel(on), Threads: c.Threads, XLA: c.XLA == runner.XLAOn, Devices: devices.Names()}
	if d.Computing, err = runner.Computing(); err != nil {
		return result.Device{}, err
	}
	if on == graph.GPU {
		d.Kernels = ""
	}
	return d, nil
}

// deviceModel names the hardware of a kind of device.
func deviceModel(d graph.Device) string {
	if d == graph.GPU {
		return machine.GPUs()
	}
	return machine.Processor()
}

// noteProcessor says that a run of TensorFlow's CUDA build is on the processor: whoever has that build expects a GPU.
func (r *run) noteProcessor() {
	if r.record.Device.Kind == "CPU" && capi.CUDABuild() {
		r.ui.Note("TensorFlow's CUDA build finds no GPU: this run is on the processor (dtl-tf doctor says why)")
	}
}

// notePrecision warns of precisions that are slow on a processor. The factors were measured on a DTL step on ViT-B/16, batch 8;
// that of bf16 with oneDNN limited to older instructions.
func (r *run) notePrecision() {
	switch {
	case r.record.Device.Kind != "CPU":
	case r.config.Precision == graph.BF16 && !machine.FastBF16():
		r.ui.Note("this processor has no bfloat16 instructions: --precision bf16 saves memory here, but each step will take about 2.6 times as long as in fp32")
	case r.config.Precision == graph.FP16:
		r.ui.Note("--precision fp16 is for GPUs: on a processor each step will take about 1.7 times as long as in fp32")
	}
}
