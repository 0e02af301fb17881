package dtl

import (
	"errors"
	"fmt"

	"dtl-tf/graph"
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

// batchFeeds feeds the inputs of a batch and its targets, each with a row for each sample.
func (t *Trainer) batchFeeds(values []tensor.Tensor, targets Targets, step int) ([]graph.Feed, error) {
	feeds, err := feedsOf(t.nodes.inputs, values)
	if err != nil {
		return nil, err
	}
	labels := targets.Soft
	switch soft := labels.Data != nil; {
	case soft != t.training.SoftTargets:
		return nil, errors.New("Step takes labels, and StepSoft takes targets of training with SoftTargets: use the one that the trainer was made for")
	case !soft:
		labels = tensor.Must(targets.Labels, len(targets.Labels))
	}
	if n := labels.Shape[0]; t.nodes.micro != nil && n < t.training.Batch {
		return nil, fmt.Errorf("training step %d: a batch of %d labels, want %d", step, n, t.training.Batch)
	}
	feeds = append(feeds, graph.Feed{Output: t.nodes.labels.Output, Value: labels})
	if weighted := targets.Weights != nil; weighted != t.training.SampleWeights || weighted && len(targets.Weights) != labels.Shape[0] {
		return nil, fmt.Errorf("training step %d: %d weights of %d images (see Training.SampleWeights)", step, len(targets.Weights), labels.Shape[0])
	}
	if targets.Weights != nil {
		feeds = append(feeds, graph.Feed{Output: t.nodes.weights.Output, Value: tensor.Must(targets.Weights, len(targets.Weights))})
	}
	return feeds, nil
}
