package dtl

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
)

// mergeable is a method whose trained parameters can be merged into the backbone's weights.
type mergeable interface {
	merge(m *merger, a backbone.Architecture)
}

// Merge returns a backbone with a method's trained parameters merged in: the plain backbone with these weights
// computes what the frozen one computes with the method. The architecture is the given one, but without LayerScale, which becomes part
// of the weights as in training, and with biases where the method needs them. weights are named as in .npz files and are not modified; the
// result shares those that do not change. The classifier is not merged (see backbone.Backbone.SetHead). Merge fails for
// methods that add what no layer of the backbone can compute, and for adapters in which a tensor is missing or has another shape.
func Merge(method Method, arch backbone.Architecture, weights, adapter tensor.Map) (backbone.Architecture, tensor.Map, error) {
	able, ok := method.(mergeable)
	if !ok {
		return nil, nil, fmt.Errorf("the method %s can't be merged into a backbone: only %s become part of its weights",
			method.Name(), strings.Join(mergeableMethods(arch), ", "))
	}
	c := Config{Arch: arch, Method: method}
	if weights = c.Weights(weights); !c.trainsBackbone() {
		arch, _ = backbone.Fold(arch, nil)
	}
	if able, ok := able.(interface{ mergesIntoBiases() bool }); ok && able.mergesIntoBiases() {
		arch, weights = backbone.AddBiases(arch, weights)
	}
	m := &merger{weights: maps.Clone(weights), adapter: adapter, copied: map[string]bool{}}
	able.merge(m, arch)
	if m.err != nil {
		return nil, nil, fmt.Errorf("merge %s: %w", method.Name(), m.err)
	}
	return arch, m.weights, nil
}

// mergeableMethods lists the methods that Merge accepts.
func mergeableMethods(arch backbone.Architecture) []string {
	return slices.DeleteFunc(Names(), func(name string) bool {
		method, _, err := NewMethod(name, nil, arch)
		_, ok := method.(mergeable)
		return err != nil || !ok
	})
}

// merger holds the weights under change and records the first error. After an error it returns zeros.
type merger struct {
	weights, adapter tensor.Map
	copied           map[string]bool // weights that no longer share memory with the caller's
	err              error
}

// parameter returns a tensor of the adapter.
func (m *merger) parameter(name string, shape ...int) []float32 {
	t, ok := m.adapter[name]
	if !ok {
		m.fail("the adapter lacks the tensor %s", name)
	} else if t.Float32() == nil || !slices.Equal(t.Shape, shape) {
		m.fail("tensor %s of the adapter has shape %v, want float32 %v", name, t.Shape, shape)
	}
	if m.err != nil {
		return make([]float32, tensor.Size(shape))
	}
	return t.Float32()
}

// weight returns a backbone weight, rows of the given width, for the caller to change in place.
func (m *merger) weight(name string, width int) []float32 {
	t, ok := m.weights[name]
	if n := len(t.Float32()); !ok || n == 0 || n%width != 0 {
		m.fail("the backbone's weight %s has shape %v, want float32 rows of %d numbers", name, t.Shape, width)
		return make([]float32, width)
	}
	if !m.copied[name] {
		m.copied[name] = true
		t = t.Clone()
		m.weights[name] = t
	}
	return t.Float32()
}

func (m *merger) fail(format string, args ...any) {
	if m.err == nil {
		m.err = fmt.Errorf(format, args...)
	}
}
