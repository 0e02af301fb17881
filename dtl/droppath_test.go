package dtl

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph"
	"dtl-tf/graph/tensor"
)

// masks finds the masks [B, 1, 1] of stochastic depth in the training graph, by block, attention before MLP.
func masks(m *Model) (names []string, outputs []tf.Output) {
	for _, op := range m.builder.Graph().Operations() {
		_, last, ok := strings.Cut(op.Name(), "/droppath/")
		if ok && strings.HasPrefix(last, "Mul") {
			names = append(names, op.Name())
			outputs = append(outputs, op.Output(0))
		}
	}
	return names, outputs
}

func seedFeed(s *ImageTrainer, seed, step int64) []graph.Feed {
	return []graph.Feed{{Output: s.nodes.parts[0].seed.Output, Value: tensor.Must([]int64{seed, step}, 2)}}
}

// TestDropPathRates checks the masks against the rates linspace(0, p, N) of timm and the official code. Both branches of
// block i drop a sample with probability q = p i/(N-1) and scale the others by 1/(1-q), so the mean is 1.
func TestDropPathRates(t *testing.T) {
	t.Parallel()
	const batch, steps, rate = 512, 20, 0.6
	s := setting{method: "dtl", batch: batch, dropPath: rate}.start(t)
	names, outputs := masks(s.Model)
	depth := len(s.Config.Arch.Blocks())
	if len(names) != 2*(depth-1) {
		t.Fatalf("masks %v, want two for each block but the first, whose rate is 0", names)
	}
	count := make([]int, len(names))
	for step := range int64(steps) {
		found := must(s.session.Run(seedFeed(s, 3, step), outputs))(t)
		for i, mask := range found {
			block := 1 + i/2
			p := rate * float64(block) / float64(depth-1)
			if at := fmt.Sprintf("block_%02d/", block); !strings.Contains(names[i], at) {
				t.Fatalf("mask %d is %s, want one of %s", i, names[i], at)
			}
			for _, v := range mask.Float32() {
				switch {
				case v == 0:
				case math.Abs(float64(v)-1/(1-p)) < 1e-5:
					count[i]++
				default:
					t.Fatalf("%s has the value %v, want 0 or %v", names[i], v, 1/(1-p))
				}
			}
		}
	}
	const n = batch * steps
	for i, survivors := range count {
		p := rate * float64(1+i/2) / float64(depth-1)
		mean, deviation := float64(survivors)/n/(1-p), math.Sqrt(p/(1-p)/n)
		if math.Abs(mean-1) > 4*deviation {
			t.Errorf("%s: the mask's mean is %.4f, want 1 +- %.4f (%d draws at rate %.2f)", names[i], mean, deviation, n, p)
		}
	}
}

// TestDropPathIndependence: masks are uncorrelated between branches, blocks, steps and seeds, and identical for the same seed
// and step.
func TestDropPathIndependence(t *testing.T) {
	t.Parallel()
	const batch, rate = 512, 0.5
	s := setting{method: "linear", batch: batch, dropPath: rate}.start(t)
	_, outputs := masks(s.Model)
	var drawn [][]float32
	var what []string
	for _, at := range [][2]int64{{3, 0}, {3, 1}, {3, 2}, {4, 0}, {4, 1}, {1 << 40, 0}, {0, 3}} {
		found := must(s.session.Run(seedFeed(s, at[0], at[1]), outputs))(t)
		again := must(s.session.Run(seedFeed(s, at[0], at[1]), outputs))(t)
		for i := range found {
			if !slices.Equal(found[i].Float32(), again[i].Float32()) {
				t.Errorf("mask %d of seed and step %v is not the same when drawn again", i, at)
			}
			drawn = append(drawn, found[i].Float32())
			what = append(what, fmt.Sprintf("mask %d of seed and step %v", i, at))
		}
	}
	survival := func(m []float32) (p float64) {
		for _, v := range m {
			if v != 0 {
				p++
			}
		}
		return p / batch
	}
	for i := range drawn {
		for j := range i {
			both := 0.0
			for k := range batch {
				if drawn[i][k] != 0 && drawn[j][k] != 0 {
					both++
				}
			}
			p, q := survival(drawn[i]), survival(drawn[j])
			correlation := (both/batch - p*q) / math.Sqrt(p*(1-p)*q*(1-q))
			// 861 pairs of 512 samples: one in ten thousand such tests would see more than 5.5 deviations.
			if limit := 5.5 / math.Sqrt(batch); math.Abs(correlation) > limit {
				t.Errorf("%s and %s: correlation %.2f, chance gives at most %.2f", what[i], what[j], correlation, limit)
			}
		}
	}
}

// TestDropPathLoss: the loss depends only on seed and step, and prediction drops nothing.
func TestDropPathLoss(t *testing.T) {
	t.Parallel()
	begin := func(seed uint64, rate float64) *ImageTrainer {
		return setting{method: "dtl", batch: 16, dropPath: rate, seed: seed, adapter: randomAdapter}.start(t)
	}
	loss := func(s *ImageTrainer, step int) float64 {
		images, labels := someBatch(s.Trainer, 1)
		return must(s.Step(images, labels, 0, step))(t) // at rate 0 nothing moves
	}
	a, b, other, none := begin(7, 0.5), begin(7, 0.5), begin(8, 0.5), begin(7, 0)
	first := loss(a, 0)
	if next := loss(a, 1); next == first {
		t.Errorf("steps 0 and 1 have the same loss %v: the same branches were dropped", next)
	}
	if again := loss(a, 0); again != first {
		t.Errorf("step 0 gives %v, and %v when repeated", first, again)
	}
	if same := loss(b, 0); same != first {
		t.Errorf("another session with the same seed gives %v, want %v", same, first)
	}
	if l := loss(other, 0); l == first {
		t.Errorf("seeds 7 and 8 have the same loss %v", l)
	}
	images, _ := someBatch(a.Trainer, 1)
	with, without := must(a.Logits(images))(t).Float32(), must(none.Logits(images))(t).Float32()
	if !slices.Equal(with, without) {
		t.Errorf("prediction differs with drop path: %v and %v", with, without)
	}
	if plain := loss(none, 0); plain == first {
		t.Errorf("the loss is %v with drop path and without", plain)
	}
}
