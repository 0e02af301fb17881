package data

import (
	"math"
	"sync"

	"dtl-tf/graph/cubic"
)

// Preprocessing names what happens to an image between its file and the values 0..255 that a backbone gets. Values that
// were computed with another are not those of this program.
const Preprocessing = "RGB, bicubic to a square as Pillow 12"

// resize scales to size x size, both sides, without cropping, bit for bit as Pillow's
// resize(BICUBIC): the filter widens when shrinking, so that nothing aliases. This is Pillow up to
// 12, which published numbers were made with: width before height always. From version 13 on Pillow
// starts with the height of tall images, and differs from itself by up to 21 levels at their edges.
func resize(p pixels, size int) []uint8 {
	if p.width != size {
		p = resizeWidth(p, tapsFor(p.width, size))
	}
	if p.height != size {
		p = resizeHeight(p, tapsFor(p.height, size))
	}
	return p.pix
}

// taps are the weights of the source positions from first on for one target position, in units of
// 1/2^precision.
type taps struct {
	first   int
	weights []int32
}

// precision is PRECISION_BITS of Pillow's Resample.c: 8 bits are the pixel's, 2 are headroom for
// sums above 1 on the way.
const (
	precision = 32 - 8 - 2
	half      = 1 << (precision - 1)
)

// newTaps is precompute_coeffs and normalize_coeffs_8bpc of Pillow's Resample.c, in the same order of operations.
func newTaps(from, to int) []taps {
	scale := float64(from) / float64(to)
	widened := max(scale, 1)
	support := 2 * widened
	out := make([]taps, to)
	for i := range out {
		center := (float64(i) + 0.5) * scale
		first := max(int(center-support+0.5), 0)
		last := min(int(center+support+0.5), from)
		weights := make([]float64, last-first)
		sum := 0.0
		for k := range weights {
			weights[k] = cubic.Kernel((float64(k+first) - center + 0.5) * (1 / widened))
			sum += weights[k]
		}
		out[i] = taps{first, make([]int32, len(weights))}
		for k, w := range weights {
			out[i].weights[k] = int32(math.Round(w / sum * (1 << precision)))
		}
	}
	return out
}

// tapsFor remembers the weights of recent pairs of sizes: data sets tend to hold one size.
func tapsFor(from, to int) []taps {
	known.Lock()
	defer known.Unlock()
	key := [2]int{from, to}
	t, ok := known.taps[key]
	if !ok {
		if len(known.taps) >= 256 { // a few MB at most; starting anew is cheap
			clear(known.taps)
		}
		t = newTaps(from, to)
		known.taps[key] = t
	}
	return t
}

var known = struct {
	sync.Mutex
	taps map[[2]int][]taps
}{taps: map[[2]int][]taps{}}

func resizeWidth(p pixels, columns []taps) pixels {
	out := newPixels(p.height, len(columns))
	for y := range p.height {
		row := p.pix[y*p.width*3 : (y+1)*p.width*3]
		to := out.pix[y*out.width*3 : (y+1)*out.width*3]
		for x, t := range columns {
			var r, g, b int32 = half, half, half
			from := row[t.first*3:]
			for k, w := range t.weights {
				s := from[3*k : 3*k+3 : 3*k+3]
				r += int32(s[0]) * w
				g += int32(s[1]) * w
				b += int32(s[2]) * w
			}
			d := to[3*x : 3*x+3 : 3*x+3]
			d[0], d[1], d[2] = clip(r), clip(g), clip(b)
		}
	}
	return out
}

func resizeHeight(p pixels, rows []taps) pixels {
	out := newPixels(len(rows), p.width)
	stride := p.width * 3
	sums := make([]int32, stride)
	for y, t := range rows {
		for i := range sums {
			sums[i] = half
		}
		for k, w := range t.weights {
			row := p.pix[(t.first+k)*stride:][:len(sums)]
			for i, v := range row {
				sums[i] += int32(v) * w
			}
		}
		to := out.pix[y*stride:][:len(sums)]
		for i, s := range sums {
			to[i] = clip(s)
		}
	}
	return out
}

// clip rounds a sum that started at half to a pixel value.
func clip(sum int32) uint8 {
	return uint8(min(max(sum>>precision, 0), 255))
}
