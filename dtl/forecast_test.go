package dtl

import (
	"math"
	"testing"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/backbone/vit"
	"dtl-tf/graph/memory"
	"dtl-tf/graph/memory/estimate"
	"dtl-tf/graph/need"
	"dtl-tf/graph/tensor"
)

// narrow is an architecture whose step takes milliseconds, but enough memory to make oneDNN's few kilobytes of scratch memory,
// which the estimate leaves out, small beside it.
var narrow = vit.Architecture{Image: 32, Patch: 4, Width: 64, Depth: 2, Heads: 2, MLP: 256, Eps: backbone.LayerNormEps}

// agreement is how far the estimate may be from the trace.
const agreement = 0.03

// TestForecastTargets: the estimate knows the ops of every loss, of weights, of clipped gradients and of averages, and the peak is that of
// the trace.
func TestForecastTargets(t *testing.T) {
	for name, set := range map[string]func(t *Training){
		"weights, clipped, averaged": func(t *Training) { t.SampleWeights, t.ClipGrad, t.Average = true, 1, 0.9 },
		"binary cross-entropy":       func(t *Training) { t.SoftTargets, t.Loss, t.ClipGrad = true, BinaryCrossEntropy, 1 },
		"soft targets, in parts":     func(t *Training) { t.SoftTargets, t.SampleWeights, t.ClipGrad, t.MicroBatch = true, true, 1, 2 },
	} {
		c := setting{arch: narrow, method: "dtl", batch: 4, classes: 10, more: set}
		s := c.start(t)
		images, labels := someBatch(s.Trainer, 1)
		targets := Targets{Labels: labels}
		if s.training.SoftTargets {
			targets = Targets{Soft: oneHot(labels, 10)}
		}
		if s.training.SampleWeights {
			targets.Weights = []float32{1, 1, 1, 1}
		}
		traced := must(memory.Replay(must(s.trace([]tensor.Tensor{images}, targets, 1e-3, 1))(t), nil))(t)
		model, training, start := c.resolve(t)
		told := must(model.ForecastImages(training, start.Session))(t)
		if off := float64(told.Peak)/float64(traced.Peak) - 1; math.Abs(off) > agreement {
			t.Errorf("%s: the estimate of %d bytes is off by %.2f %%, the trace has %d", name, told.Peak, 100*off, traced.Peak)
		}
	}
}

// TestForecastHalf: on processors without AVX-512 TensorFlow makes float32 copies for the products of bfloat16, which count.
func TestForecastHalf(t *testing.T) {
	need.That(t, graph.KernelsFor(graph.Processor, graph.BF16) != "avx512f", "a processor without AVX-512, or ONEDNN_MAX_CPU_ISA=AVX2: on this one oneDNN computes products of bfloat16")
	compareForecast(t, "bfloat16", setting{arch: narrow, method: "lora", batch: 8, classes: 10, precision: graph.BF16})
}

// compareForecast compares the peak that the graph tells with the peak in the trace of a step. With micro-batches it compares the first.
func compareForecast(t *testing.T, name string, c setting) {
	t.Helper()
	s := c.start(t)
	defer s.Close()
	images, labels := someBatch(s.Trainer, 1)
	r := s.nodes.whole()
	if m := s.nodes.micro; m != nil {
		r = s.nodes.part(m.assign)
	}
	told := must(estimate.Peak(s.builder.Graph(), threads, r.feeds, r.fetches, r.targets...))(t)
	traced := must(memory.Replay(must(s.Trace(images, labels, 1e-3, 1))(t), nil))(t)
	off := float64(told.Peak)/float64(traced.Peak) - 1
	t.Logf("%s: estimate %d, trace %d bytes, %+.2f %%, at %s", name, told.Peak, traced.Peak, 100*off, told.Node)
	if math.Abs(off) > agreement {
		t.Errorf("%s: the estimate of %d bytes is off by %.2f %%, the trace has %d", name, told.Peak, 100*off, traced.Peak)
	}
}

// TestForecast compares the estimate with the trace for all methods and recompute modes. Several chunks make up a batch. Each
// case takes TensorFlow a second to rewrite the graph twice, so only a third of the cases run by default, each method in one mode.
func TestForecast(t *testing.T) {
	modes := graph.ExactRecomputes()
	for i, method := range Names() {
		for k, mode := range modes {
			if !need.AllowsHeavy() && k != i%len(modes) {
				continue
			}
			compareForecast(t, method+", "+string(mode), setting{
				arch: narrow, method: method, mode: mode, batch: 8, classes: 10, chunkValues: 3 * 65 * 64,
			})
		}
	}
}

// TestForecastOfBranch traces steps with a stream beside the backbone. A step whose variables are read in an order of TensorFlow's own runs
// parts of the stream late, and its peak is up to a quarter lower, another one in each trainer.
func TestForecastOfBranch(t *testing.T) {
	c := setting{arch: narrow, method: "res-tuning-bypass", mode: graph.RecomputeBlocks, batch: 8, classes: 10, chunkValues: 3 * 65 * 64}
	for range 3 {
		compareForecast(t, c.method, c)
	}
}

// TestForecastSettings is TestForecast for what else changes a step's graph.
func TestForecastSettings(t *testing.T) {
	dtl := setting{arch: narrow, method: "dtl", mode: graph.RecomputeActivations, batch: 4, classes: 10}
	gated := narrow
	gated.Gated = true // TensorFlow makes one op of the gate's product and sigmoid
	for name, change := range map[string]func(c *setting){
		"drop path":     func(c *setting) { c.dropPath = 0.1 },
		"micro-batches": func(c *setting) { c.microBatch, c.dropPath = 2, 0.1 },
		"full, micro":   func(c *setting) { c.microBatch, c.method = 2, "full" },
		"swiglu":        func(c *setting) { c.arch, c.method, c.mode = gated, "lora", graph.RecomputeNone },
		"swiglu again":  func(c *setting) { c.arch, c.mode = gated, graph.RecomputeBlocks },
	} {
		c := dtl
		change(&c)
		compareForecast(t, name, c)
	}
}

// TestForecastOptimizer: the optimizer keeps two moments of 4 bytes for each parameter of bitfit, in which every one has a gradient, and with
// averages one more value.
func TestForecastOptimizer(t *testing.T) {
	for average, values := range map[float64]int64{0: 2, 0.9: 3} {
		model, training, start := setting{arch: two, method: "bitfit", more: func(t *Training) { t.Average = average }}.resolve(t)
		f := must(model.ForecastImages(training, start.Session))(t)
		if want := 4 * values * int64(model.Trainable.Elements()); f.Optimizer != want {
			t.Errorf("average %v: %d bytes of the optimizer, want %d", average, f.Optimizer, want)
		}
	}
}

// TestForecastHeavy is TestForecast for the backbones of the papers.
func TestForecastHeavy(t *testing.T) {
	need.Heavy(t, "takes an hour and 4 GB")
	for _, name := range []string{"vit_ti16", "swin_t", "vit_b16"} {
		arch := must(backbone.Parse(name))(t)
		for _, method := range Names() {
			for _, mode := range graph.ExactRecomputes() {
				t.Run(name+"/"+method+"/"+string(mode), func(t *testing.T) {
					if _, _, err := newMethod(method, nil, arch); err != nil {
						return // the method does not take this backbone
					}
					compareForecast(t, "batch 4", setting{arch: arch, method: method, pool: backbone.PoolMean, mode: mode, batch: 4, classes: 100})
				})
			}
		}
	}
}
