package graph

import (
	"math"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph/tensor"
)

// TestTurn turns pairs of channels by hand: (x, y) becomes (x cos - y sin, y cos + x sin), for each head by the same angles.
func TestTurn(t *testing.T) {
	angles := []float32{0, 0, 0.5, math.Pi / 2} // [2 tokens, 2 pairs of a head]
	for name, b := range map[string]*Builder{"anywhere": New(RecomputeNone), "on a processor": New(RecomputeNone).For(Processor)} {
		x := b.Placeholder("x", tf.Float, Unknown, 3, 2, 4)
		r := &Turns{"turns", func() []float32 { return angles }}
		turned := b.turn(r, x, 0.5, false)
		back := b.turn(r, turned, 2, true)
		s, err := NewSession(b.Graph(), SessionOptions{Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		in := tensor.Zeros(2, 3, 2, 4)
		for i := range in.Float32() {
			in.Float32()[i] = float32(i%7) - 3
		}
		out, err := s.Run([]Feed{{Output: x.Output, Value: in}}, []tf.Output{turned.Output, back.Output})
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < tensor.Size(in.Shape); i += 2 {
			token, pair := i/4%2, i/2%2
			sin, cos := math.Sincos(float64(angles[2*token+pair]))
			p, q := float64(in.Float32()[i]), float64(in.Float32()[i+1])
			for k, want := range []float64{(p*cos - q*sin) / 2, (q*cos + p*sin) / 2} {
				if got := float64(out[0].Float32()[i+k]); !(math.Abs(got-want) <= 1e-6) {
					t.Errorf("%s: element %d is %v, want %v", name, i+k, got, want)
				}
				if got, want := out[1].Float32()[i+k], in.Float32()[i+k]; !(math.Abs(float64(got-want)) <= 1e-6) {
					t.Errorf("%s: element %d is %v after turning back, want %v", name, i+k, got, want)
				}
			}
		}
	}
}
