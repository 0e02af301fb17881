package dtl

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"dtl-tf/graph"
	"dtl-tf/graph/tensor"
)

// TestMicroBatch: steps in micro-batches equal steps on the whole batch, also with stochastic depth, whose masks are those of
// the whole batch. AdamW's first steps amplify the rounding error of a gradient, hence the wider tolerance for weights.
func TestMicroBatch(t *testing.T) {
	for _, c := range []struct {
		setting
		stored bool
	}{
		{setting{method: "dtl", dropPath: 0.5}, false}, {setting{method: "dtl+", mode: graph.RecomputeBlocks}, false},
		{setting{method: "full"}, false}, {setting{method: "dtl"}, true},
		{setting{method: "lora", dropPath: 0.3, mode: graph.RecomputeActivations}, false},
	} {
		t.Run(fmt.Sprint(c.method, c.mode, c.stored), func(t *testing.T) {
			c.arch, c.batch = two, 6
			if c.method != "full" {
				c.adapter = randomRival
			}
			// open returns a step on a batch of images, and its trainer.
			open := func() (func(images tensor.Tensor, labels []int32, step int) (float64, error), *Trainer) {
				if !c.stored {
					s := c.start(t)
					return func(images tensor.Tensor, labels []int32, step int) (float64, error) {
						return s.Step(images, labels, 1e-3, step)
					}, s.Trainer
				}
				s := c.startStored(t, graph.FP32)
				return func(images tensor.Tensor, labels []int32, step int) (float64, error) {
					return s.Step(must(s.ComputeStored(images))(t), labels, 1e-3, step)
				}, s.Trainer
			}
			stepWhole, whole := open()
			for _, n := range []int{1, 3} {
				c.microBatch = n
				stepSplit, split := open()
				for step := range 3 {
					images, labels := someBatch(whole, uint64(step))
					got := must(stepSplit(images, labels, step))(t)
					if n > 1 {
						continue // whole is a step ahead by now
					}
					if want := must(stepWhole(images, labels, step))(t); math.Abs(got-want) > 1e-5*want {
						t.Errorf("micro-batches of %d, step %d: loss %v, on the whole batch %v", n, step, got, want)
					}
				}
				got, want := must(split.ReadTrainable())(t), must(whole.ReadTrainable())(t)
				for _, name := range want.Names() {
					if strings.Contains(name, "/key/bias") { // its gradient is rounding error, which AdamW scales up to full steps
						delete(got, name)
						delete(want, name)
					}
				}
				sameValues(t, got, want, 2e-4)
			}
		})
	}
}

// TestMicroBatchMemory: the peak shrinks with the micro-batch.
func TestMicroBatchMemory(t *testing.T) {
	whole := setting{method: "dtl", batch: 16}
	quarter := whole
	quarter.microBatch = 4
	if a, b := stepPeak(t, quarter), stepPeak(t, whole); float64(a) > 0.35*float64(b) {
		t.Errorf("a quarter of the batch peaks at %d bytes, the whole at %d", a, b)
	}
}

// TestMicroBatchRefused: micro-batches that do not divide the batch, and batches of another size, are errors.
func TestMicroBatchRefused(t *testing.T) {
	method, _, err := newMethod("dtl", nil, two)
	if err != nil {
		t.Fatal(err)
	}
	c := Config{Arch: two, Std: [3]float64{1, 1, 1}, Method: method, Pool: method.Pool(), Classes: 3, FloatImages: true}
	start := Start{Session: threads, Weights: must(randomWeights(two))(t)}
	_, err = NewImageTrainer(must(New(c))(t), Training{Batch: 6, MicroBatch: 4}, start)
	if err == nil || err.Error() != "a batch of 6 images can't be divided into parts of 4" {
		t.Errorf("6 by 4: %v", err)
	}
	s := closed(t, must(NewImageTrainer(must(New(c))(t), Training{Batch: 6, MicroBatch: 3}, start))(t))
	if _, err := s.Step(tensor.Zeros(2, 16, 16, 3), []int32{0, 1}, 1e-3, 0); err == nil {
		t.Error("two images for a batch of six: no error")
	}
}
