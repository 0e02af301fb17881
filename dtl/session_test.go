package dtl

import (
	"testing"

	"dtl-tf/graph"
	"dtl-tf/graph/tensor"
)

// TestWrongMode: calls that a model was not built for return an error; the others do not.
func TestWrongMode(t *testing.T) {
	weights := must(randomWeights(micro))(t)
	start := func(method string, batch int, store graph.Precision) *Session {
		m, _, err := NewMethod(method, nil, micro)
		if err != nil {
			t.Fatal(err)
		}
		model, err := New(Config{
			Arch: micro, Std: [3]float64{1, 1, 1}, Method: m, Pool: m.Pool(), Classes: 3, Batch: batch, Store: store, FloatImages: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		return open(t, model, weights, 1, nil)
	}
	images, labels := tensor.Zeros(2, micro.Image, micro.Image, 3), []int32{0, 1}
	values := must(start("dtl", 0, "").ComputeStored(images))(t)
	ways := []struct {
		name string
		call func(s *Session) error
	}{
		{"Logits", func(s *Session) error { _, err := s.Logits(images); return err }},
		{"ComputeStored", func(s *Session) error { _, err := s.ComputeStored(images); return err }},
		{"Step", func(s *Session) error { _, err := s.Step(images, labels, 0, 0); return err }},
		{"Trace", func(s *Session) error { _, err := s.Trace(images, labels, 0, 0); return err }},
		{"Gradients", func(s *Session) error { _, _, _, err := s.Gradients(images, labels); return err }},
		{"StepStored", func(s *Session) error { _, err := s.StepStored(values, labels, 0, 0); return err }},
		{"TraceStored", func(s *Session) error { _, err := s.TraceStored(values, labels, 0, 0); return err }},
		{"StepStored without values", func(s *Session) error {
			if _, err := s.StepStored(values[1:], labels, 0, 0); err == nil {
				t.Error("a training step ran with a stored value missing")
			}
			return nil
		}},
		{"ReadOptimizer", func(s *Session) error { _, err := s.ReadOptimizer(); return err }},
		{"Restore", func(s *Session) error {
			all := must(s.ReadTrainable())(t)
			if moments, err := s.ReadOptimizer(); err == nil {
				for name, v := range moments {
					all[name] = v
				}
			}
			return s.Restore(all)
		}},
		{"ReadFrozen", func(s *Session) error { _, err := s.ReadFrozen(); return err }},
		{"Device", func(s *Session) error { _, _, err := s.Device(); return err }},
		{"FixedBytes", func(s *Session) error { s.FixedBytes(); return nil }},
	}
	for _, c := range []struct {
		name  string
		s     *Session
		fails string // a letter for each of ways, x if it must fail
	}{
		{"predictor", start("dtl", 0, ""), "..xxxxx.xx..."},
		{"trainer", start("dtl", 2, ""), ".....xx......"},
		{"trainer on stored values", start("dtl", 2, graph.FP32), "..xxx........"},
		{"trainer with nothing to store", start("lora", 2, ""), ".x...xx......"},
	} {
		for i, way := range ways {
			if err := way.call(c.s); (err != nil) != (c.fails[i] == 'x') {
				t.Errorf("%s: %s: error %v", c.name, way.name, err)
			}
		}
		for range 2 {
			if err := c.s.Close(); err != nil {
				t.Errorf("%s: Close: %v", c.name, err)
			}
		}
		for _, way := range ways[:len(ways)-1] {
			if way.name != "StepStored without values" && way.name != "Restore" && way.call(c.s) == nil {
				t.Errorf("%s: %s after Close gave no error", c.name, way.name)
			}
		}
	}
}
