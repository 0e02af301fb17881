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
	for _, c := range []setting{
		{method: "dtl", dropPath: 0.5}, {method: "dtl+", mode: graph.RecomputeBlocks}, {method: "full"},
		{method: "dtl", store: graph.FP32}, {method: "lora", dropPath: 0.3, mode: graph.RecomputeActivations},
	} {
		t.Run(fmt.Sprint(c.method, c.mode, c.store), func(t *testing.T) {
			c.arch, c.batch = two, 6
			if c.method != "full" {
				c.adapter = randomRival
			}
			whole := c.start(t)
			for _, n := range []int{1, 3} {
				c.microBatch = n
				split := c.start(t)
				for step := range 3 {
					images, labels := someBatch(whole, uint64(step))
					run := func(s *Session) float64 {
						if c.store == "" {
							return must(s.Step(images, labels, 1e-3, step))(t)
						}
						return must(s.StepStored(must(s.ComputeStored(images))(t), labels, 1e-3, step))(t)
					}
					got := run(split)
					if n > 1 {
						continue // whole is a step ahead by now
					}
					if want := run(whole); math.Abs(got-want) > 1e-5*want {
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
	method, _, err := NewMethod("dtl", nil, two)
	if err != nil {
		t.Fatal(err)
	}
	c := Config{Arch: two, Std: [3]float64{1, 1, 1}, Method: method, Pool: method.Pool(), Classes: 3, Batch: 6, FloatImages: true, MicroBatch: 4}
	if _, err := New(c); err == nil || err.Error() != "a batch of 6 images can't be divided into parts of 4" {
		t.Errorf("6 by 4: %v", err)
	}
	c.MicroBatch = 3
	s := open(t, must(New(c))(t), must(randomWeights(two))(t), 0, nil)
	if _, err := s.Step(tensor.Zeros(2, 16, 16, 3), []int32{0, 1}, 1e-3, 0); err == nil {
		t.Error("two images for a batch of six: no error")
	}
}
