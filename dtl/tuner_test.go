package dtl

import (
	"math"
	"strings"
	"testing"

	"dtl-tf/graph"
)

// tuners are the methods of scripts/make_tuner_vectors.py.
var tuners = []string{"res-tuning-bypass", "adapter+", "vqt", "lra"}

// TestTunerMicroBatch: steps in micro-batches, with stochastic depth and recomputed, equal steps on the whole batch.
func TestTunerMicroBatch(t *testing.T) {
	for _, method := range tuners {
		t.Run(method, func(t *testing.T) {
			c := setting{arch: two, method: method, options: rivals[method], batch: 4, dropPath: 0.5, adapter: randomRival}
			whole := c.start(t)
			c.microBatch, c.mode = 2, graph.RecomputeActivations
			split := c.start(t)
			images, labels := someBatch(whole.Trainer, 5)
			for step := range 2 {
				want := must(whole.Step(images, labels, 1e-3, step))(t)
				if got := must(split.Step(images, labels, 1e-3, step))(t); !(math.Abs(got-want) <= 1e-5*want) {
					t.Errorf("step %d: loss %v in micro-batches, %v on the whole batch", step, got, want)
				}
			}
		})
	}
}

// TestTunerBF16: bfloat16, 8 bits of significand, changes a loss by some hundredths, also on stored values.
func TestTunerBF16(t *testing.T) {
	for _, method := range tuners {
		t.Run(method, func(t *testing.T) {
			c := setting{arch: two, method: method, options: rivals[method], adapter: randomRival}
			exact := c.start(t)
			c.precision = graph.BF16
			rounded := c.start(t)
			images, labels := someBatch(exact.Trainer, 5)
			want := must(exact.Step(images, labels, 0, 0))(t)
			if got := must(rounded.Step(images, labels, 0, 0))(t); !(math.Abs(got-want) <= 0.03*want) || got == want {
				t.Errorf("loss %v in bfloat16, %v in float32", got, want)
			}
			if method == "adapter+" {
				return
			}
			stored := c.startStored(t, graph.FP32)
			values := must(stored.ComputeStored(images))(t)
			if got := must(stored.Step(values, labels, 0, 0))(t); !(math.Abs(got-want) <= 0.03*want) {
				t.Errorf("loss %v in bfloat16 on stored values, %v in float32", got, want)
			}
		})
	}
}

// TestTunerMerge: none of them becomes part of the backbone's weights, and the error says so.
func TestTunerMerge(t *testing.T) {
	for _, method := range tuners {
		m, _, err := newMethod(method, nil, two)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := Merge(m, two, nil, nil); err == nil || !strings.Contains(err.Error(), "the method "+method+" can't be merged") {
			t.Errorf("%s: %v", method, err)
		}
	}
}
