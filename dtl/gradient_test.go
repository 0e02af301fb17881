package dtl

import (
	"fmt"
	"math"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph"
	"dtl-tf/graph/tensor"
)

// TestGradientsOfTraining compares the hand-written backward pass of whole training graphs, stochastic depth included, with
// TensorFlow's gradients of the same forward pass. It has none for the cross-entropy op, but the op's second output is
// d(loss)/d(logits) of each sample.
func TestGradientsOfTraining(t *testing.T) {
	for _, c := range []setting{
		{method: "dtl+", mode: graph.RecomputeNone},
		{method: "dtl+", mode: graph.RecomputeActivations},
		{method: "full", mode: graph.RecomputeNone},
	} {
		t.Run(fmt.Sprintf("%s/recompute=%s", c.method, c.mode), func(t *testing.T) {
			t.Parallel()
			c.dropPath, c.batch, c.adapter = 0.5, 8, randomAdapter
			checkTrainingGradients(t, c.start(t), c.startPlain(t))
		})
	}
}

func checkTrainingGradients(t *testing.T, s, plain *ImageTrainer) {
	var names []string
	var ours []tf.Output
	for _, v := range s.Trainable.All() {
		names = append(names, v.Name)
		ours = append(ours, s.nodes.gradients[v.Name].Output)
	}
	images, labels := someBatch(s.Trainer, 3)
	found := must(s.session.Run(must(s.feeds([]tensor.Tensor{images}, Targets{Labels: labels}, 0, 4))(t), ours))(t)
	found = append(found, tensorFlowsGradients(t, plain, images, labels)...)
	largest := 0.0
	for _, g := range found[len(names):] {
		largest = math.Max(largest, size(floats(g)))
	}
	for i, name := range names {
		got, want := floats(found[i]), floats(found[i+len(names)])
		// The gradient of the key's bias is zero (softmax is invariant to a shift), so its value is rounding error.
		if size(got) <= 1e-6*largest && size(want) <= 1e-6*largest {
			continue
		}
		if off := relative(got, want); !(off <= 2e-5) {
			t.Errorf("gradient of %s: off by %.2g\n got %.8v\nwant %.8v", name, off, got[:min(8, len(got))], want[:min(8, len(want))])
		}
	}
}

// tensorFlowsGradients are TensorFlow's own gradients of a trainer's loss, in the order of the trainable variables.
func tensorFlowsGradients(t *testing.T, s *ImageTrainer, images tensor.Tensor, labels []int32) []tensor.Tensor {
	t.Helper()
	slope := s.builder.Graph().Operation("train/crossentropy/SparseSoftmaxCrossEntropyWithLogits").Output(1)
	each := s.builder.Scale(graph.Value{Output: slope, Shape: s.nodes.parts[0].logits.Shape}, 1/float64(s.training.Batch))
	var reads []tf.Output
	for _, v := range s.Trainable.All() {
		reads = append(reads, v.Value.Output)
	}
	gradients, err := s.builder.Graph().AddGradients("check", []tf.Output{s.nodes.parts[0].logits.Output}, reads, []tf.Output{each.Output})
	if err != nil {
		t.Fatal(err)
	}
	return must(s.session.Run(must(s.feeds([]tensor.Tensor{images}, Targets{Labels: labels}, 0, 4))(t), gradients))(t)
}

// size is max|x|.
func size(x []float64) float64 {
	largest := 0.0
	for _, v := range x {
		largest = math.Max(largest, math.Abs(v))
	}
	return largest
}
