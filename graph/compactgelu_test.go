package graph

import (
	"math"
	"slices"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph/tensor"
)

// TestCompactGELU: forward GELU to the bit, backward the published staircase, whose steps are 0, -0.0492, 1.0487 and 1.
func TestCompactGELU(t *testing.T) {
	x := []float32{-9, -3.1859, -3.1858, -1, -0.0012, -0.0011, 0, 0.5, 3.1908, 3.1909, 7, -3.2}
	want := []float64{0, 0, -0.0492226, -0.0492226, -0.0492226, 1.0487406, 1.0487406, 1.0487406, 1.0487406, 1, 1, 0}
	run := func(mode Recompute) (y, dx []float32, packed int) {
		b := New(mode)
		in := b.Leaf(b.Placeholder("x", tf.Float, 3, 4))
		out := b.CompactGELU(in)
		dy := tensor.Zeros(3, 4)
		for i := range dy.Float32() {
			dy.Float32()[i] = 2
		}
		gradient := b.Backward(out, b.Constant(dy), []Value{in})[0]
		s, err := NewSession(b.Graph(), SessionOptions{Threads: 2})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		values, err := s.Run([]Feed{{Output: in.Output, Value: tensor.Must(x, 3, 4)}}, []tf.Output{out.Output, gradient.Output})
		if err != nil {
			t.Fatal(err)
		}
		return values[0].Float32(), values[1].Float32(), b.CompactGELUs()
	}
	y, dx, packed := run(RecomputeGELU2Bit)
	exact, slope, none := run(RecomputeNone)
	if !slices.Equal(y, exact) {
		t.Errorf("forward %v, want %v", y, exact)
	}
	if packed != 1 || none != 0 {
		t.Errorf("%d and %d values are approximate, want 1 and 0", packed, none)
	}
	for i := range want {
		if math.Abs(float64(dx[i])-2*want[i]) > 1e-6 {
			t.Errorf("slope at %v is %v, want %v", x[i], dx[i]/2, want[i])
		}
	}
	if slices.Equal(dx, slope) {
		t.Error("the exact gradient is the approximate one")
	}
}
