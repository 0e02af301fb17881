package dtl

import (
	"maps"
	"testing"

	"dtl-tf/graph"
	"dtl-tf/graph/expect"
	"dtl-tf/graph/tensor"
)

// TestClosed: every call works on an open session and fails on a closed one, and closing twice is no error.
func TestClosed(t *testing.T) {
	weights := must(randomWeights(micro))(t)
	c := setting{method: "dtl", batch: 2}
	images, labels := tensor.Zeros(2, micro.Image, micro.Image, 3), []int32{0, 1}
	model, _, _ := c.resolve(t)
	predictor := open(t, model, weights, 1, nil)
	values := must(predictor.ComputeStored(images))(t)
	onImages, onStored := c.start(t), c.startStored(t, graph.FP32)

	type calls map[string]func() error
	ofPredictor := func(p *Predictor) calls {
		return calls{
			"Logits":        func() error { _, err := p.Logits(images); return err },
			"ComputeStored": func() error { _, err := p.ComputeStored(images); return err },
			"ReadTrainable": func() error { _, err := p.ReadTrainable(); return err },
			"ReadFrozen":    func() error { _, err := p.ReadFrozen(); return err },
			"Device":        func() error { _, _, err := p.Device(); return err },
		}
	}
	ofTrainer := func(s *Trainer, own calls) calls {
		state := must(s.ReadTrainable())(t)
		maps.Copy(state, must(s.ReadOptimizer())(t))
		own["ReadOptimizer"] = func() error { _, err := s.ReadOptimizer(); return err }
		own["Restore"] = func() error { return s.Restore(state) }
		maps.Copy(own, ofPredictor(s.Predictor))
		return own
	}
	for _, s := range []struct {
		name    string
		session interface{ Close() error }
		calls   calls
	}{
		{"predictor", predictor, ofPredictor(predictor)},
		{"trainer on images", onImages, ofTrainer(onImages.Trainer, calls{
			"Step":      func() error { _, err := onImages.Step(images, labels, 0, 0); return err },
			"Trace":     func() error { _, err := onImages.Trace(images, labels, 0, 0); return err },
			"Gradients": func() error { _, _, _, err := gradientsOf(onImages, images, labels); return err },
		})},
		{"trainer on stored values", onStored, ofTrainer(onStored.Trainer, calls{
			"Step":  func() error { _, err := onStored.Step(values, labels, 0, 0); return err },
			"Trace": func() error { _, err := onStored.Trace(values, labels, 0, 0); return err },
		})},
	} {
		for name, call := range s.calls {
			if err := call(); err != nil {
				t.Errorf("%s: %s: %v", s.name, name, err)
			}
		}
		for range 2 {
			expect.NoError(t, s.session.Close())
		}
		for name, call := range s.calls {
			if call() == nil {
				t.Errorf("%s: %s after Close gave no error", s.name, name)
			}
		}
	}
}

// TestNothingStored: models without a prefix compute and train on no stored values, and a step needs all stored values.
func TestNothingStored(t *testing.T) {
	images, labels := tensor.Zeros(2, micro.Image, micro.Image, 3), []int32{0, 1}
	_, err := setting{method: "lora"}.start(t).ComputeStored(images)
	expect.Error(t, err, "method lora leaves no part of the backbone as it is")
	for _, c := range []setting{{method: "lora"}, {method: "dtl", dropPath: 0.1}} {
		model, training, start := c.resolve(t)
		_, err := NewStoredTrainer(model, training, graph.FP32, start)
		expect.Error(t, err, "nothing to store", "method "+c.method)
	}
	s := setting{method: "dtl", batch: 2}.startStored(t, graph.FP32)
	values := must(s.ComputeStored(images))(t)
	_, err = s.Step(values[1:], labels, 0, 0)
	expect.Error(t, err, "3 stored values were given, a training step takes 4")
	_, err = s.Trace(values[1:], labels, 0, 0)
	expect.Error(t, err, "3 stored values were given, a training step takes 4")
}

// TestSharedModel: trainers that are open on one model at the same time compute what a trainer on a separate model computes.
func TestSharedModel(t *testing.T) {
	c := setting{method: "dtl", batch: 2}
	images, labels := tensor.Zeros(2, micro.Image, micro.Image, 3), []int32{0, 1}
	want := must(c.start(t).Step(images, labels, 1e-3, 0))(t)
	model, training, start := c.resolve(t)
	for range 2 {
		trainer := closed(t, must(NewImageTrainer(model, training, start))(t))
		if loss := must(trainer.Step(images, labels, 1e-3, 0))(t); loss != want {
			t.Errorf("loss %v, want %v", loss, want)
		}
	}
}
