package dtl

import (
	"math"
	"testing"

	"dtl-tf/graph"
)

// TestRecompute: recomputing in the backward pass changes gradients only by rounding, for any method, with stochastic depth, in
// chunks of one or two samples (480 values; a sample is 17 tokens of width 12). Most of the time goes into TensorFlow's graph
// optimisation, so quick tests take some of the methods.
func TestRecompute(t *testing.T) {
	for _, method := range someMethods() {
		modes := []graph.Recompute{graph.RecomputeActivations, graph.RecomputeBlocks}
		t.Run(method, func(t *testing.T) {
			c := setting{arch: two, method: method, dropPath: 0.5, batch: 3, chunkValues: 480, adapter: randomRival}
			if method == "full" {
				c.adapter = nil // the weights are random already
			}
			saved := c.start(t)
			images, labels := someBatch(saved.Trainer, 4)
			logits, loss, want, err := gradientsOf(saved, images, labels)
			if err != nil {
				t.Fatal(err)
			}
			largest := 0.0
			for _, gradient := range want {
				for _, v := range floats(gradient) {
					largest = max(largest, math.Abs(v))
				}
			}
			for _, mode := range modes {
				c.mode = mode
				s := c.start(t)
				sameLogits, sameLoss, got, err := gradientsOf(s, images, labels)
				if err != nil {
					t.Fatal(err)
				}
				if off := relative(floats(sameLogits), floats(logits)); off > 1e-5 || relative([]float64{sameLoss}, []float64{loss}) > 1e-5 {
					t.Errorf("mode %s: logits are off by %.2g, loss %v instead of %v", mode, off, sameLoss, loss)
				}
				for name := range want {
					// A gradient far below the largest one, such as that of the key's bias, is rounding error.
					got, want := floats(got[name]), floats(want[name])
					if relative(got, want) > 5e-5 && apart(got, want) > 5e-8*largest {
						t.Errorf("mode %s: gradient of %s is off by %.2g", mode, name, relative(got, want))
					}
				}
			}
		})
	}
}

// checkRecomputed compares loss and gradients of a saved step with those of steps in chunks of that many values, recomputed in each mode.
func checkRecomputed(t *testing.T, c setting, saved *ImageTrainer, chunkValues int, modes []graph.Recompute) {
	t.Helper()
	images, labels := someBatch(saved.Trainer, 4)
	_, loss, want, err := gradientsOf(saved, images, labels)
	if err != nil {
		t.Fatal(err)
	}
	largest := 0.0
	for _, gradient := range want {
		largest = max(largest, size(floats(gradient)))
	}
	for _, mode := range modes {
		c.mode, c.chunkValues = mode, chunkValues
		_, recomputed, got, err := gradientsOf(c.start(t), images, labels)
		if err != nil {
			t.Fatal(err)
		}
		if !(math.Abs(recomputed-loss) <= 1e-5*loss) {
			t.Errorf("mode %s: loss %v, want %v", mode, recomputed, loss)
		}
		for name := range want {
			// A gradient far below the largest one, such as that of the key's bias, is rounding error.
			got, want := floats(got[name]), floats(want[name])
			if relative(got, want) > 5e-5 && apart(got, want) > 1e-7*largest {
				t.Errorf("mode %s: gradient of %s is off by %.2g", mode, name, relative(got, want))
			}
		}
	}
}

// TestRecomputeHoldsInputs: with blocks recomputed, a block holds its input [B, T, d] and the gradients of its parameters, so these are
// what more blocks add to the peak of a step, up to a factor of two for what the block at the peak has. Gradients of parameters that
// TensorFlow put off held the activations of all blocks as well, seven times as much and more.
func TestRecomputeHoldsInputs(t *testing.T) {
	const batch, more = 8, 2
	for _, method := range []string{"full", "bitfit", "ssf"} {
		peak := func(depth int) (bytes int64, parameters int) {
			arch := narrow
			arch.Depth = depth
			model, training, start := setting{arch: arch, method: method, mode: graph.RecomputeBlocks, batch: batch, chunkValues: 65 * 64}.resolve(t)
			return must(model.ForecastImages(training, start.Session))(t).Peak, model.Trainable.Elements()
		}
		short, few := peak(2)
		long, many := peak(2 + more)
		if held := int64(4 * (more*batch*65*64 + many - few)); long-short > 2*held || long-short < held/2 {
			t.Errorf("%s: %d more blocks add %d bytes to the peak, and hold %d", method, more, long-short, held)
		}
	}
}
