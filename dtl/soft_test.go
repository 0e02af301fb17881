package dtl

import (
	"math"
	"testing"

	"dtl-tf/graph"
	"dtl-tf/graph/expect"
	"dtl-tf/graph/tensor"
)

// oneHot are labels as targets [B, classes].
func oneHot(labels []int32, classes int) tensor.Tensor {
	t := tensor.Zeros(len(labels), classes)
	for i, label := range labels {
		t.Float32()[i*classes+int(label)] = 1
	}
	return t
}

// TestSoftTargets: targets of a single class train like labels, on images and on stored values, whole and in micro-batches.
func TestSoftTargets(t *testing.T) {
	for _, micro := range []int{0, 2} {
		c := setting{method: "dtl", microBatch: micro, noise: 0.1}
		soft := c
		soft.soft = true
		hardly, softly := c.start(t), soft.start(t)
		stored := soft.startStored(t, graph.FP32)
		images, labels := someBatch(hardly.Trainer, 1)
		values := must(stored.ComputeStored(images))(t)
		targets := oneHot(labels, 3)
		for step := range 4 {
			want := must(hardly.Step(images, labels, 1e-2, step))(t)
			got := must(softly.StepSoft(images, targets, 1e-2, step))(t)
			fed := must(stored.StepSoft(values, targets, 1e-2, step))(t)
			if math.Abs(got-want) > 1e-5 || math.Abs(fed-want) > 1e-5 {
				t.Errorf("micro-batch %d, step %d: losses %v and %v of targets, %v of labels", micro, step, got, fed, want)
			}
		}
		sameValues(t, must(softly.ReadTrainable())(t), must(hardly.ReadTrainable())(t), 2e-4)
	}
}

// TestSoftLoss: the loss of a mixture of targets is the mixture of their losses.
func TestSoftLoss(t *testing.T) {
	s := setting{method: "dtl", soft: true, noise: 0.1}.start(t)
	images, labels := someBatch(s.Trainer, 1)
	a := oneHot(labels, 3)
	for i := range labels {
		labels[i] = (labels[i] + 1) % 3
	}
	b := oneHot(labels, 3)
	mixed := tensor.Zeros(a.Shape...)
	for i := range mixed.Float32() {
		mixed.Float32()[i] = 0.7*a.Float32()[i] + 0.3*b.Float32()[i]
	}
	loss := func(targets tensor.Tensor) float64 { return must(s.StepSoft(images, targets, 0, 0))(t) }
	if got, want := loss(mixed), 0.7*loss(a)+0.3*loss(b); math.Abs(got-want) > 1e-5 {
		t.Errorf("loss %v, want %v", got, want)
	}
}

// TestOtherTargets: labels for a step on targets are an error, and so is the reverse.
func TestOtherTargets(t *testing.T) {
	for _, micro := range []int{0, 2} {
		soft := setting{method: "linear", soft: true, microBatch: micro}.start(t)
		images, labels := someBatch(soft.Trainer, 1)
		_, err := soft.Step(images, labels, 0, 0)
		expect.Error(t, err, "Step takes labels, and StepSoft takes targets")
		_, err = setting{method: "linear", microBatch: micro}.start(t).StepSoft(images, oneHot(labels, 3), 0, 0)
		expect.Error(t, err, "Step takes labels, and StepSoft takes targets")
	}
}
