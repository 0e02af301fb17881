package dtl

import (
	"errors"
	"fmt"

	"dtl-tf/graph/tensor"
)

// Targets are what a training step on a batch trains towards: labels, or with Training.SoftTargets soft targets.
type Targets struct {
	Labels []int32       // [B]
	Soft   tensor.Tensor // [B, classes]: probabilities of each label
	// Weights [B] multiply the losses of the images, with Training.SampleWeights. The loss is the mean of the products over the
	// batch: for a weighted mean, the weights have the mean 1.
	Weights []float32
}

// batch is what a step is given, each with a row for each sample.
type batch struct {
	values  []tensor.Tensor // images, or the stored values
	labels  tensor.Tensor   // or soft targets
	weights tensor.Tensor   // without Data if there are none
}

// batch checks that a step was given as many samples, and targets of the kind, as it was built for.
func (t *Trainer) batch(values []tensor.Tensor, targets Targets, step int) (batch, error) {
	all := batch{values: values, labels: targets.Soft}
	switch soft := targets.Soft.Data != nil; {
	case len(values) != len(t.nodes.parts[0].inputs):
		return all, fmt.Errorf("%d stored values were given, a training step takes %d (see Stored)", len(values), len(t.nodes.parts[0].inputs))
	case soft != t.training.SoftTargets:
		return all, errors.New("Step takes labels, and StepSoft takes targets of training with SoftTargets: use the one that the trainer was made for")
	case !soft:
		all.labels = tensor.Must(targets.Labels, len(targets.Labels))
	}
	for _, v := range append([]tensor.Tensor{all.labels}, values...) {
		if len(v.Shape) == 0 || v.Shape[0] != t.training.Batch {
			return all, fmt.Errorf("training step %d: a batch of shape %v, want %d samples", step, v.Shape, t.training.Batch)
		}
	}
	if weighted := targets.Weights != nil; weighted != t.training.SampleWeights || weighted && len(targets.Weights) != t.training.Batch {
		return all, fmt.Errorf("training step %d: %d weights of %d images (see Training.SampleWeights)", step, len(targets.Weights), t.training.Batch)
	}
	if targets.Weights != nil {
		all.weights = tensor.Must(targets.Weights, len(targets.Weights))
	}
	return all, nil
}
