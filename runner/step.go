package runner

import (
	"strings"

	"dtl-tf/graph"
)

// Groups of settings, in the order of help pages.
const (
	GroupFiles    = "Input and output"
	GroupStart    = "Start"
	GroupTraining = "Training"
	GroupMachine  = "Machine"
)

// StepConfig holds the settings of a training step.
type StepConfig struct {
	Batch      int             `json:"batch"`                 // images per step
	MicroBatch int             `json:"micro_batch,omitempty"` // images processed at a time, a divisor of Batch; 0: all
	Precision  graph.Precision `json:"precision"`
	Recompute  graph.Recompute `json:"recompute"`
	Threads    int             `json:"threads"` // 0: all that the process may use
	XLA        string          `json:"xla,omitempty"`
	Devices    string          `json:"devices,omitempty"` // that share the batch, as users type them; "": one
}

// BatchSetting describes a field with the number of images per step.
func BatchSetting(batch *int) Setting {
	return Setting{
		Name: "batch", Group: GroupTraining, Value: batch, Min: 1, Max: maxBatch,
		Help: "`images` per step; an incomplete batch at the end of an epoch is dropped, but fewer images than a batch are one",
	}
}

// ThreadsSetting describes a field with the number of TensorFlow's threads.
func ThreadsSetting(threads *int) Setting {
	return Setting{
		Name: "threads", Group: GroupMachine, Value: threads, Max: maxThreads,
		Help: "`threads` of TensorFlow (default: all that the process may use)",
	}
}

// Settings describes the fields.
func (c *StepConfig) Settings() []Setting {
	return []Setting{
		BatchSetting(&c.Batch),
		{
			Name: "micro-batch", Group: GroupTraining, Value: &c.MicroBatch, // see Check
			Help: "`images` to process at a time, a divisor of --batch: same result, less memory (0: the whole batch)",
		},
		ThreadsSetting(&c.Threads),
		devicesSetting(&c.Devices),
		{
			Name: "precision", Group: GroupMachine, Value: (*string)(&c.Precision), OneOf: graph.Precisions(),
			Help: "`precision` of matrix products and frozen kernels: fp32, bf16, or fp16 for GPUs without bfloat16",
		},
		{
			Name: "recompute", Group: GroupMachine, Value: (*string)(&c.Recompute), OneOf: graph.Recomputes(),
			Help: "what the backward pass recomputes to save memory: `" + strings.Join(graph.Recomputes(), "|") + "`; gelu2bit recomputes nothing and keeps 2 bits for each value of the backbone's GELUs: its gradients are APPROXIMATE",
		},
		{
			Name: "xla", Group: GroupMachine, Value: &c.XLA, OneOf: []string{XLAAuto, XLAOn, XLAOff},
			Help: "compile the step for a GPU with XLA: `auto|on|off`. Steps are several times faster. auto compiles if there is a GPU with CUDA's compiler",
		},
	}
}

// Check returns a UsageError if the batch can't be divided into micro-batches, or if Devices names none.
func (c StepConfig) Check() error {
	if _, err := parseDevices(c.Devices); err != nil {
		return err
	}
	if n := c.MicroBatch; n < 0 || n > c.Batch || n > 0 && c.Batch%n != 0 {
		return Usagef("--micro-batch %d is not possible: --batch is %d, choose one of its divisors", n, c.Batch)
	}
	return nil
}

// CheckMachine checks the settings of commands that only classify.
func CheckMachine(batch, threads int) error {
	return Check([]Setting{BatchSetting(&batch), ThreadsSetting(&threads)})
}
