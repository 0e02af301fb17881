package tensor

import (
	"errors"
	"slices"
	"testing"
)

// later defers the elements of a tensor, and counts how often they are read.
type later struct {
	Tensor
	reads *int
}

func (l later) Read(at int, to []float32) error {
	*l.reads++
	if to == nil {
		return errors.New("nothing wanted")
	}
	copy(to, l.Float32()[at:at+len(to)])
	return nil
}

func deferred(t Tensor) Tensor { return Tensor{Shape: t.Shape, Data: later{t, new(int)}} }

func counted(shape ...int) Tensor {
	t := Zeros(shape...)
	for i := range t.Float32() {
		t.Float32()[i] = float32(i) + 1.0/256 // rounds
	}
	return t
}

// TestDeferred compares what functions make of deferred tensors with what they make of the same elements in memory: whole, a part, and
// rounded. The matrices have several strips, and parts of a strip.
func TestDeferred(t *testing.T) {
	sum := func(in ...Tensor) Tensor {
		out := in[0].Clone()
		for i, v := range in[1].Float32() {
			out.Float32()[i] += v
		}
		return out
	}
	for name, of := range map[string]func(m Tensor) Tensor{
		"itself":    func(m Tensor) Tensor { return m },
		"reshaped":  func(m Tensor) Tensor { return Reshape(m, m.Shape[1], m.Shape[0]) },
		"span":      func(m Tensor) Tensor { return Span(m, m.Shape[1], m.Shape[0]-1, m.Shape[1]) },
		"transpose": func(m Tensor) Tensor { return Transpose(m, m.Shape[0], m.Shape[1]) },
		"transpose of a span": func(m Tensor) Tensor {
			return Reshape(Transpose(Span(m, m.Shape[1], m.Shape[0]-1, m.Shape[1]), m.Shape[0]-1, m.Shape[1]), m.Shape[1], m.Shape[0]-1)
		},
		"swapped": func(m Tensor) Tensor { return SwapLast(m, 1, m.Shape[0], m.Shape[1], []int{m.Shape[1], m.Shape[0]}) },
		"joined":  func(m Tensor) Tensor { return Concat([]int{2, m.Shape[0], m.Shape[1]}, m, m) },
		"sum":     func(m Tensor) Tensor { return Compute(sum, m.Shape, m, m) },
	} {
		for _, shape := range [][]int{{2, 3}, {9, 70}, {500, 900}} {
			m := counted(shape...)
			got, want := of(deferred(m)), of(m)
			if !got.IsDeferred() || got.Float32() != nil || !slices.Equal(got.Shape, want.Shape) {
				t.Fatalf("%s of %v: %T of shape %v, want a deferred one of %v", name, shape, got.Data, got.Shape, want.Shape)
			}
			loaded, err := got.Load()
			if err != nil || !slices.Equal(loaded.Float32(), want.Float32()) {
				t.Errorf("%s of %v: other elements (%v)", name, shape, err)
			}
			part := make([]float32, Size(want.Shape)/2)
			if err := got.Read(1, part); err != nil || !slices.Equal(part, want.Float32()[1:1+len(part)]) {
				t.Errorf("%s of %v: other elements in a part (%v)", name, shape, err)
			}
			short, wanted := make([]BFloat16, Size(want.Shape)), make([]BFloat16, Size(want.Shape))
			roundAll(wanted, want.Float32())
			if err := got.ReadRounded(short); err != nil || !slices.Equal(short, wanted) {
				t.Errorf("%s of %v: other rounded elements (%v)", name, shape, err)
			}
			if sum, err := (Map{"m": got}).Hash(); err != nil || sum != (Map{"m": want}).SHA256() {
				t.Errorf("%s of %v: another hash (%v)", name, shape, err)
			}
		}
	}
}

// TestDeferredFloats checks what a tensor says about its elements.
func TestDeferredFloats(t *testing.T) {
	m := counted(2, 3)
	for _, c := range []struct {
		Tensor
		isFloat, isDeferred bool
	}{{m, true, false}, {deferred(m), true, true}, {Scalar[int32](1), false, false}} {
		if c.IsFloat() != c.isFloat || c.IsDeferred() != c.isDeferred {
			t.Errorf("%T: float %v, deferred %v", c.Data, c.IsFloat(), c.IsDeferred())
		}
	}
	if err := Scalar[int32](1).Read(0, make([]float32, 1)); err == nil {
		t.Error("read floats of integers")
	}
}
