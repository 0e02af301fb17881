package dtl

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
)

// mergeable is a method whose trained parameters can move into the backbone's weights.
type mergeable interface {
	merge(m *merger, a backbone.Architecture)
}

// Merge returns the weights of a backbone into which the trained parameters of a method have moved: without the method
// it computes what the frozen one computes with it. weights go by .npz names and stay as they are; those that do not
// change are shared with the result. The classifier is no part of it (see backbone.Backbone.SetHead). Methods that add
// something no layer of a ViT can do are refused, and so are adapters that lack a tensor or have one of another shape.
func Merge(methodName string, options Options, arch backbone.Architecture, weights, adapter tensor.Map) (tensor.Map, error) {
	method, _, err := NewMethod(methodName, options, arch)
	if err != nil {
		return nil, err
	}
	able, ok := method.(mergeable)
	if !ok {
		return nil, fmt.Errorf("the method %s can't be merged into a backbone: only %s become part of its weights",
			methodName, strings.Join(Mergeable(arch), ", "))
	}
	m := &merger{weights: maps.Clone(weights), adapter: adapter, own: map[string]bool{}}
	able.merge(m, arch)
	if m.err != nil {
		return nil, fmt.Errorf("merge %s: %w", methodName, m.err)
	}
	return m.weights, nil
}

// Mergeable lists the methods that Merge accepts.
func Mergeable(arch backbone.Architecture) []string {
	return slices.DeleteFunc(Names(), func(name string) bool {
		method, _, err := NewMethod(name, nil, arch)
		_, ok := method.(mergeable)
		return err != nil || !ok
	})
}

// merger is a set of weights being changed. It keeps the first error; after one it hands out Zeros.
type merger struct {
	weights, adapter tensor.Map
	own              map[string]bool // weights that are copies already
	err              error
}

// parameter gives a tensor of the adapter.
func (m *merger) parameter(name string, shape ...int) []float32 {
	t, ok := m.adapter[name]
	if !ok {
		m.fail("the adapter lacks the tensor %s", name)
	} else if t.Float32() == nil || !slices.Equal(t.Shape, shape) {
		m.fail("tensor %s of the adapter has shape %v, wanted is %v of float32", name, t.Shape, shape)
	}
	if m.err != nil {
		return make([]float32, tensor.Size(shape))
	}
	return t.Float32()
}

// weight gives a weight of the backbone as rows of the given width, to be changed in place.
func (m *merger) weight(name string, width int) []float32 {
	t, ok := m.weights[name]
	if n := len(t.Float32()); !ok || n == 0 || n%width != 0 {
		m.fail("the backbone's weight %s has shape %v, wanted are rows of %d numbers of float32", name, t.Shape, width)
		return make([]float32, width)
	}
	if !m.own[name] {
		m.own[name] = true
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
