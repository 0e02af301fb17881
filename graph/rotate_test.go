package graph

import (
	"math"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph/tensor"
)

// TestRotate turns pairs of channels by hand: (x, y) becomes (x cos - y sin, y cos + x sin), for each head by the same angles.
func TestRotate(t *testing.T) {
	angles := []float32{0, 0, 0.5, math.Pi / 2} // [2 tokens, 2 pairs of a head]
	b := New(RecomputeNone)
	x := b.Placeholder("x", tf.Float, Unknown, 2, 8)
	y := b.Rotate(x, "turns", func() []float32 { return angles }, 2)
	s, err := NewSession(b.Graph(), SessionOptions{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	in := tensor.Zeros(3, 2, 8)
	for i := range in.Float32() {
		in.Float32()[i] = float32(i%7) - 3
	}
	out, err := s.Run([]Feed{{Output: x.Output, Value: in}}, []tf.Output{y.Output})
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < tensor.Size(in.Shape); i += 2 {
		token, pair := i/8%2, i/2%2
		sin, cos := math.Sincos(float64(angles[2*token+pair]))
		p, q := float64(in.Float32()[i]), float64(in.Float32()[i+1])
		for k, want := range []float64{p*cos - q*sin, q*cos + p*sin} {
			if got := float64(out[0].Float32()[i+k]); !(math.Abs(got-want) <= 1e-6) {
				t.Errorf("element %d is %v, want %v", i+k, got, want)
			}
		}
	}
}
