package dtl

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
)

// TestTrainingMoves: five steps change every trainable tensor and no bit of a frozen one.
func TestTrainingMoves(t *testing.T) {
	for _, method := range Names() {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			s := setting{arch: two, method: method, dropPath: 0.3, mode: graph.RecomputeActivations}.start(t)
			frozen, before := must(s.ReadFrozen())(t), must(s.ReadTrainable())(t)
			trainSteps(t, s, 5, 1e-3)
			frozenAfter, after := must(s.ReadFrozen())(t), must(s.ReadTrainable())(t)
			if a, b := frozen.SHA256(), frozenAfter.SHA256(); a != b {
				t.Errorf("the frozen tensors' hash went from %s to %s", a, b)
			}
			for name := range before {
				if slices.Equal(before[name].Float32(), after[name].Float32()) {
					t.Errorf("%s did not move", name)
				}
			}
			backboneFrozen := 0
			for _, spec := range s.Config.Arch.Specs() {
				_, isFrozen := frozen[spec.Name]
				_, trains := before[spec.Name]
				if want := s.Config.Method.Trains(spec); trains != want || isFrozen == want {
					t.Errorf("%s: frozen %t, trains %t, want trains %t", spec.Name, isFrozen, trains, want)
				}
				if isFrozen {
					backboneFrozen++
				}
			}
			if backboneFrozen != len(frozen) {
				t.Errorf("%d frozen tensors, %d of them are the backbone's", len(frozen), backboneFrozen)
			}
			switch all := len(s.Config.Arch.Specs()); method {
			case "full":
				if len(before) != all+2 {
					t.Errorf("full trains %d tensors, want the backbone's %d with the classifier's 2", len(before), all)
				}
			case "dtl", "dtl+", "linear":
				if len(frozen) != all {
					t.Errorf("%d frozen tensors, want the backbone's %d", len(frozen), all)
				}
			}
		})
	}
}

// TestDeterminism: the same seed gives the same losses and trained tensors, bit for bit; another seed gives others.
func TestDeterminism(t *testing.T) {
	for _, mode := range []graph.Recompute{graph.RecomputeNone, graph.RecomputeActivations, graph.RecomputeBlocks} {
		t.Run(fmt.Sprintf("recompute=%s", mode), func(t *testing.T) {
			t.Parallel()
			run := func(seed uint64) ([]float64, tensor.Map) {
				s := setting{method: "dtl+", dropPath: 0.3, batch: 8, seed: seed, mode: mode}.start(t)
				return trainSteps(t, s, 5, 1e-3), must(s.ReadTrainable())(t)
			}
			losses, trained := run(42)
			again, trainedAgain := run(42)
			if !slices.Equal(losses, again) {
				t.Errorf("losses %v, then %v with the same seed", losses, again)
			}
			if a, b := trained.SHA256(), trainedAgain.SHA256(); a != b {
				t.Errorf("the trained tensors differ with the same seed: %s and %s", a, b)
			}
			if other, _ := run(43); slices.Equal(losses, other) {
				t.Errorf("seeds 42 and 43 have the same losses %v", losses)
			}
		})
	}
}

// TestStartsAtBackbone: DTL and DTL+ start with B = 0, so they add theta(0) = 0 and compute what the plain backbone does, bit
// for bit, whatever A and the convolution are.
func TestStartsAtBackbone(t *testing.T) {
	t.Parallel()
	logits := func(method string) []float32 {
		s := setting{method: method, pool: backbone.PoolMean, adapter: head}.start(t)
		images, _ := someBatch(s.Trainer, 1)
		return must(s.Logits(images))(t).Float32()
	}
	want := logits("linear")
	for _, method := range []string{"dtl", "dtl+"} {
		if got := logits(method); !slices.Equal(got, want) {
			t.Errorf("%s starts with logits %v, the plain backbone has %v", method, got, want)
		}
	}
}

// head sets values of the classifier only.
func head(m *Model) tensor.Map {
	adapter := tensor.Map{}
	for _, name := range []string{HeadWeight, HeadBias} {
		v, _ := m.Trainable.Lookup(name)
		value := tensor.Zeros(v.Shape...)
		for i := range value.Float32() {
			value.Float32()[i] = float32(math.Sin(float64(i)))
		}
		adapter[name] = value
	}
	return adapter
}

// TestResume: a session that continues from another one's tensors, moments and step trains as if there had been no
// interruption, bit for bit.
func TestResume(t *testing.T) {
	t.Parallel()
	c := setting{method: "dtl+", dropPath: 0.3, batch: 8, seed: 9, mode: graph.RecomputeActivations}
	whole := c.start(t)
	losses := trainSteps(t, whole, 6, 1e-3)

	first := c.start(t)
	trainSteps(t, first, 3, 1e-3)
	second := c.start(t)
	state := must(first.ReadTrainable())(t)
	maps.Copy(state, must(first.ReadOptimizer())(t))
	if err := second.Restore(state); err != nil {
		t.Fatal(err)
	}
	images, labels := someBatch(second.Trainer, 1)
	for step := 3; step < 6; step++ {
		if loss := must(second.Step(images, labels, 1e-3, step))(t); loss != losses[step] {
			t.Errorf("step %d after resuming has loss %v, want %v", step, loss, losses[step])
		}
	}
	a, b := must(whole.ReadTrainable())(t).SHA256(), must(second.ReadTrainable())(t).SHA256()
	if a != b {
		t.Errorf("the trained tensors differ after resuming: %s and %s", a, b)
	}
}
