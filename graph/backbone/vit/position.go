package vit

import (
	"math"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/cubic"
	"dtl-tf/graph/tensor"
)

// resample replaces the position embeddings by those for the grid of another input size.
func resample(weights tensor.Map, from, to backbone.Architecture) {
	weights[positions] = resamplePositions(weights[positions], from.(Architecture).Grid(), to.(Architecture).Grid())
}

// resamplePositions resamples position embeddings [1, 1+from*from, d] to [1, 1+to*to, d], bicubic with
// antialiasing like timm (resample_abs_pos_embed; torch's interpolate with antialias, a = -0.5,
// align_corners off). The class token's embedding stays unchanged.
func resamplePositions(t tensor.Tensor, from, to int) tensor.Tensor {
	d := t.Shape[2]
	in := t.Float32()
	out := make([]float32, (1+to*to)*d)
	copy(out, in[:d])
	taps := cubicTaps(from, to)
	columns := make([]float64, from*to*d) // [from, to, d]: resampled along a row
	for y := range from {
		for x, tap := range taps {
			for k, w := range tap.weights {
				source := in[d*(1+y*from+tap.first+k):][:d]
				for c, v := range source {
					columns[(y*to+x)*d+c] += w * float64(v)
				}
			}
		}
	}
	sum := make([]float64, d)
	for y, tap := range taps {
		for x := range to {
			clear(sum)
			for k, w := range tap.weights {
				for c, v := range columns[((tap.first+k)*to+x)*d:][:d] {
					sum[c] += w * v
				}
			}
			for c, v := range sum {
				out[d*(1+y*to+x)+c] = float32(v)
			}
		}
	}
	return tensor.Must(out, 1, 1+to*to, d)
}

// tapWindow is the input positions that contribute to one output position, with their weights.
type tapWindow struct {
	first   int
	weights []float64
}

// cubicTaps is the windows of the cubic kernel (Keys 1981, a = -0.5), which widens by the scale if the
// grid shrinks.
func cubicTaps(from, to int) []tapWindow {
	scale := float64(from) / float64(to)
	wide := math.Max(scale, 1)
	taps := make([]tapWindow, to)
	for i := range taps {
		center := (float64(i) + 0.5) * scale
		first := max(int(center-2*wide+0.5), 0)
		last := min(int(center+2*wide+0.5), from)
		t := tapWindow{first: first, weights: make([]float64, last-first)}
		total := 0.0
		for k := range t.weights {
			t.weights[k] = cubic.Kernel((float64(first+k) - center + 0.5) / wide)
			total += t.weights[k]
		}
		for k := range t.weights {
			t.weights[k] /= total
		}
		taps[i] = t
	}
	return taps
}
