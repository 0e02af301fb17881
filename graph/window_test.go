package graph

import (
	"slices"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph/tensor"
)

// runAll runs a graph without inputs.
func runAll(t *testing.T, b *Builder, values ...Value) []tensor.Tensor {
	t.Helper()
	s, err := NewSession(b.Graph(), SessionOptions{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var fetches []tf.Output
	for _, v := range values {
		fetches = append(fetches, v.Output)
	}
	out, err := s.Run(nil, fetches)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// counting is a constant 0, 1, 2, ...
func counting(b *Builder, shape ...int) Value {
	t := tensor.Zeros(shape...)
	for i := range t.Float32() {
		t.Float32()[i] = float32(i)
	}
	return b.Constant(t)
}

// TestTokenOrder checks single values of what moves tokens about.
func TestTokenOrder(t *testing.T) {
	b := New(RecomputeNone)
	out := runAll(t, b,
		b.PermuteTokens(counting(b, 1, 4, 1), []int{2, 0, 3, 1}),
		b.MergePatches(counting(b, 1, 4, 1)),  // the cell [[0 1] [2 3]], column by column
		b.MergePatches(counting(b, 1, 16, 1)), // four cells; the first is [[0 1] [4 5]]
		b.RepeatSamples(counting(b, 2, 1, 1), 2),
		b.MeanSamples(counting(b, 4, 1, 1), 2),
		b.RelativeBias(counting(b, 5, 2), []int{1, 4, 0, 1}, []float32{0, 0, 0, 0, 0, -100, 0, 0}, 1),
	)
	bias := []float32{0, 0, 0, 0, 2, 8, 0, 0, 2, 0, 0, 0, 0, 3, 9, 0, 1, 3} // [2 heads, 3, 3]
	masked := slices.Clone(bias)
	masked[5], masked[14] = masked[5]-100, masked[14]-100
	for i, want := range [][]float32{
		{2, 0, 3, 1}, {0, 2, 1, 3}, {0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15}, {0, 0, 1, 1}, {0.5, 2.5}, slices.Concat(bias, masked),
	} {
		if !slices.Equal(out[i].Float32(), want) {
			t.Errorf("value %d is %v, want %v", i, out[i].Float32(), want)
		}
	}
}

// TestDerive: a derived value is computed when its variables are assigned, and once only.
func TestDerive(t *testing.T) {
	b, vs := New(RecomputeNone), NewVariables()
	v := vs.Declare(b, "v", false, 2)
	build := func(b *Builder) Value { return b.Scale(v.Value, 2) }
	d := vs.Derive(b, "twice", build)
	if again := vs.Derive(b, "twice", build); again.Output != d.Output {
		t.Error("the second call makes a second value")
	}
	s, err := NewSession(b.Graph(), SessionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, values := range [][]float32{{1, 2}, {3, 4}} {
		if err := vs.Assign(s, tensor.Map{"v": tensor.Must(values, 2)}); err != nil {
			t.Fatal(err)
		}
		out, err := s.Run(nil, []tf.Output{d.Output})
		if err != nil {
			t.Fatal(err)
		}
		if got := out[0].Float32(); got[0] != 2*values[0] || got[1] != 2*values[1] {
			t.Errorf("derived %v from %v", got, values)
		}
	}
	if len(vs.All()) != 1 || vs.Elements() != 2 || vs.Bytes() != 16 {
		t.Errorf("%d variables of %d elements and %d bytes, want 1, 2 and 16", len(vs.All()), vs.Elements(), vs.Bytes())
	}
}
