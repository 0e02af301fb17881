package vit

import (
	"math"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/cubic"
	"dtl-tf/graph/tensor"
)

// Resampling is the rule by which position embeddings are resampled to another grid: that of the library from which the file is.
type Resampling string

const (
	// ResampleTimm is bicubic with antialiasing (timm, layers/pos_embed.py, resample_abs_pos_embed): torch's interpolate with a = -0.5.
	// DINOv2 with registers has the same rule.
	ResampleTimm Resampling = ""
	// ResampleHF is bicubic without antialiasing (transformers, interpolate_pos_encoding): torch's interpolate with a = -0.75.
	ResampleHF Resampling = "hf"
	// ResampleDINOv2 is the same at a scale that is off by 0.1 patches (facebookresearch/dinov2, dinov2/models/vision_transformer.py,
	// interpolate_offset), which moves the samples.
	ResampleDINOv2 Resampling = "dinov2"
	// ResampleNaFlex is bilinear with antialiasing (transformers, modeling_siglip2.py, resize_positional_embeddings).
	ResampleNaFlex Resampling = "naflex"
	// ResampleTorchvision is bicubic without antialiasing, a = -0.75, with the corners of both grids at one place (torchvision,
	// vision_transformer.py, interpolate_embeddings).
	ResampleTorchvision Resampling = "torchvision"
)

// interpolateOffset is DINOv2's.
const interpolateOffset = 0.1

// resample replaces the position embeddings by those for the grid of another input size.
func resample(weights tensor.Map, from, to backbone.Architecture) {
	old, now := from.(Architecture), to.(Architecture)
	if old.Positions != NoPositions {
		weights[positions] = resamplePositions(weights[positions], old.Grid(), now.Grid(), old.Resampling)
	}
}

// resamplePositions resamples position embeddings [1, n+from*from, d] to [1, n+to*to, d]. Those of the n prefix tokens stay
// unchanged.
func resamplePositions(t tensor.Tensor, from, to int, rule Resampling) tensor.Tensor {
	prefix := t.Shape[1] - from*from
	return tensor.Compute(func(in ...tensor.Tensor) tensor.Tensor { return rule.resample(in[0], from, to) }, []int{1, prefix + to*to, t.Shape[2]}, t)
}

func (r Resampling) resample(t tensor.Tensor, from, to int) tensor.Tensor {
	d := t.Shape[2]
	prefix := t.Shape[1] - from*from
	in := t.Float32()
	out := make([]float32, (prefix+to*to)*d)
	copy(out, in[:prefix*d])
	taps := r.taps(from, to)
	columns := make([]float64, from*to*d) // [from, to, d]: resampled along a row
	for y := range from {
		for x, tap := range taps {
			for k, w := range tap.weights {
				source := in[d*(prefix+y*from+tap.first+k):][:d]
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
				out[d*(prefix+y*to+x)+c] = float32(v)
			}
		}
	}
	return tensor.Must(out, 1, prefix+to*to, d)
}

// tapWindow is the input positions that contribute to one output position, with their weights.
type tapWindow struct {
	first   int
	weights []float64
}

// taps is the windows of all output positions along one side.
func (r Resampling) taps(from, to int) []tapWindow {
	switch r {
	case ResampleHF:
		return sampled(from, to, centred(float64(from)/float64(to)))
	case ResampleDINOv2:
		return sampled(from, to, centred(float64(from)/(float64(to)+interpolateOffset)))
	case ResampleTorchvision:
		return sampled(from, to, func(i int) float64 { return float64(i) * float64(from-1) / float64(max(to-1, 1)) })
	case ResampleNaFlex:
		return widened(from, to, 1, func(x float64) float64 { return max(0, 1-math.Abs(x)) })
	}
	return widened(from, to, 2, cubic.Kernel)
}

// centred is where output positions lie among the input's if they are scale apart and the grids have their edges at one place.
func centred(scale float64) func(i int) float64 {
	return func(i int) float64 { return (float64(i)+0.5)*scale - 0.5 }
}

// sampled is the windows of the four input positions around where each output position lies, with those beyond the edge at the edge.
func sampled(from, to int, where func(i int) float64) []tapWindow {
	taps := make([]tapWindow, to)
	for i := range taps {
		at := where(i)
		base := int(math.Floor(at))
		t := tapWindow{first: min(max(base-1, 0), from-1)}
		last := min(max(base+2, 0), from-1)
		t.weights = make([]float64, last-t.first+1)
		for k := base - 1; k <= base+2; k++ {
			t.weights[min(max(k, 0), from-1)-t.first] += cubic.Sharp(float64(k) - at)
		}
		taps[i] = t
	}
	return taps
}

// widened is the windows of a kernel of a support, which widens by the scale if the grid shrinks: antialiasing.
func widened(from, to int, support float64, kernel func(x float64) float64) []tapWindow {
	scale := float64(from) / float64(to)
	wide := math.Max(scale, 1)
	taps := make([]tapWindow, to)
	for i := range taps {
		center := (float64(i) + 0.5) * scale
		first := max(int(center-support*wide+0.5), 0)
		last := min(int(center+support*wide+0.5), from)
		t := tapWindow{first: first, weights: make([]float64, last-first)}
		total := 0.0
		for k := range t.weights {
			t.weights[k] = kernel((float64(first+k) - center + 0.5) / wide)
			total += t.weights[k]
		}
		for k := range t.weights {
			t.weights[k] /= total
		}
		taps[i] = t
	}
	return taps
}
