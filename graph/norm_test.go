package graph

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph/tensor"
)

// TestLayerNormEpsilon: in graphs without our kernels, such as those of SavedModels, the epsilon is the one that was asked for, whatever
// TensorFlow knows about shapes. It counts here, because the variances are as small as it is.
func TestLayerNormEpsilon(t *testing.T) {
	const width, eps = 8, 1e-6
	random := rand.New(rand.NewPCG(1, 2))
	for _, shape := range [][]int{{1, width}, {3, width}, {Unknown, width}, {1, 1, width}, {2, 3, width}} {
		b := New(RecomputeNone)
		input := b.Placeholder("x", tf.Float, shape...)
		scale, bias := b.vector([]float32{1, 2, 3, 4, 5, 6, 7, 8}), b.vector([]float32{8, 7, 6, 5, 4, 3, 2, 1})
		out := b.LayerNorm(input, scale, bias, eps)
		given := slices.Clone(shape)
		if given[0] == Unknown {
			given[0] = 4
		}
		x := tensor.Zeros(given...)
		for i := range x.Float32() {
			x.Float32()[i] = float32(1e-3 * random.NormFloat64())
		}
		s, err := NewSession(b.Graph(), SessionOptions{Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		found, err := s.Run([]Feed{{Output: input.Output, Value: x}}, []tf.Output{out.Output})
		if err != nil {
			t.Fatal(err)
		}
		for at := 0; at < len(x.Float32()); at += width {
			row := x.Float32()[at : at+width]
			mean, variance := 0.0, 0.0
			for _, v := range row {
				mean += float64(v) / width
			}
			for _, v := range row {
				variance += (float64(v) - mean) * (float64(v) - mean) / width
			}
			for i, v := range row {
				want := (float64(v)-mean)/math.Sqrt(variance+eps)*float64(i+1) + float64(width-i)
				if got := float64(found[0].Float32()[at+i]); !(math.Abs(got-want) <= 1e-5*(1+math.Abs(want))) {
					t.Fatalf("shape %v: element %d of the row at %d is %v, want %v", shape, i, at, got, want)
				}
			}
		}
	}
}
