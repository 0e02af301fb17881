package finetune

import (
	"fmt"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/runner/machine"
	"dtl-tf/runner/report"
)

// TooLargeError says that training takes more memory than there is.
type TooLargeError struct {
	Forecast  dtl.Forecast // its Peak is 0 if what stays between steps is too much already
	Available int64        // bytes
}

// Error implements error.
func (e *TooLargeError) Error() string {
	f := e.Forecast
	parts := fmt.Sprintf("weights %s, optimizer %s", report.Bytes(f.Weights), report.Bytes(f.Optimizer+f.Accumulators))
	if f.Peak > 0 {
		parts += ", step " + report.Bytes(f.Peak+f.Input)
	}
	return fmt.Sprintf("training takes %s of memory (%s), and %s are available: use a smaller backbone or --batch, --precision bf16, --recompute blocks, a method that trains less, or a larger machine ('dtl-tf plan' tells what a run takes)",
		report.Bytes(f.Fixed()+f.Peak+f.Input), parts, report.Bytes(e.Available))
}

// checkFits returns a TooLargeError if the run takes more memory than there is.
func (p *plan) checkFits() error {
	if p.memory != nil || p.cluster != nil {
		return nil
	}
	return checkFits(p.config.model(p.backbone, p.method, p.data.classes, p.devices), p.config.training(), p.config.SessionOptions(), p.config.FeatureCache == FeatureCacheOff)
}

// checkFits returns a TooLargeError if training on images by a model with this configuration takes more memory than is available. Without it,
// the system would end the process, or another one, somewhere in the first step. It looks at the step only if that may be too large, since a forecast takes
// seconds, and only if the run computes the whole step: stored values make it smaller.
func checkFits(config dtl.Config, training dtl.Training, session graph.SessionOptions, whole bool) error {
	available := machine.AvailableBytes()
	if available <= 0 || config.Device == graph.GPU || len(config.Places) > 1 || session.Cluster != nil {
		return nil
	}
	m, err := dtl.New(config)
	if err != nil {
		return err
	}
	trained := m.Trainable.Bytes()
	fixed := dtl.Forecast{Weights: m.Frozen.Bytes() + trained, Optimizer: 2 * trained}
	if fixed.Fixed() > available {
		return &TooLargeError{fixed, available}
	}
	images := training.Batch
	if training.MicroBatch > 0 {
		images = min(images, training.MicroBatch)
	}
	if !whole || fixed.Fixed()+trained+mostOfStep(config.Arch, images) < available {
		return nil
	}
	f, err := m.ForecastImages(training, session)
	if err == nil && f.Fixed()+f.Peak+f.Input > available {
		err = &TooLargeError{f, available}
	}
	return err
}

// mostOfStep is more than the values that a step saves in float32, in bytes: of a block its inputs and outputs, those of its layers, and the probabilities
// of attention. What a step takes at most besides is little beside that.
func mostOfStep(a backbone.Architecture, images int) int64 {
	total := int64(0)
	for _, b := range a.Blocks() {
		tokens := int64(b.Tokens())
		total += tokens * (16*int64(b.Width) + 6*int64(b.MLP) + 4*int64(b.Heads)*tokens)
	}
	return 2 * 4 * int64(images) * total
}
