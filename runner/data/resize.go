package data

import (
	"iter"
	"math"
	"sync"

	"dtl-tf/graph/cubic"
)

// Preprocessing names the processing between an image file and the values 0..255 that a backbone gets. Stored values made with
// another one are not valid.
func (m Images) Preprocessing() string {
	const common = "RGB, bicubic to a square as Pillow 12.3, 16-bit grey scaled"
	if m.Upright {
		return common + ", turned as EXIF says"
	}
	return common
}

// resize scales to size x size without cropping, bit for bit as resize(BICUBIC) of Pillow 12.3: the filter widens when it
// shrinks an image, which prevents aliasing.
//
// The width is scaled first, as in all versions of Pillow that published numbers were made with. The exception is images more
// than 100 times as tall as wide that lose height: Pillow starts with their height since version 12.2, which also keeps the
// intermediate image small. Version 13 starts with the height of many more images, and differs from 12.3 by up to 21 levels at
// their edges.
func resize(p pixels, size int) []uint8 {
	if p.height > 100*p.width && p.height > size {
		p = resizeHeight(p, size)
	}
	if p.width != size {
		p = resizeWidth(p, size)
	}
	if p.height != size {
		p = resizeHeight(p, size)
	}
	return p.pix
}

// centre cuts the central size x size out of a square image, as CenterCrop of torchvision: half a pixel goes to the even side.
func centre(p pixels, size int) pixels {
	at := int(math.RoundToEven(float64(p.height-size) / 2))
	out := newPixels(size, size)
	for y := range size {
		copy(out.pix[y*size*3:(y+1)*size*3], p.pix[((at+y)*p.width+at)*3:])
	}
	return out
}

// taps are the filter weights for one target position, from source position first on, in units of 1/2^precision.
type taps struct {
	first   int
	weights []int32
}

// precision is PRECISION_BITS of Pillow's Resample.c: 32 bits less 8 for the pixel and 2 of headroom for partial sums above 1.
const (
	precision = 32 - 8 - 2
	half      = 1 << (precision - 1)
)

// maker computes the weights of up to a fixed number of target positions at a time and reuses their memory.
type maker struct {
	from, to int
	exact    []float64 // of one position
	weights  []int32   // of all positions
}

func newMaker(from, to, positions int) maker {
	n := weightsFor(from, to)
	return maker{from, to, make([]float64, n), make([]int32, positions*n)}
}

// taps returns the weights of the target positions from first up to, but without, last. They are valid until the next call. The
// operations and their order are those of precompute_coeffs and normalize_coeffs_8bpc in Pillow's Resample.c.
func (m maker) taps(first, last int) []taps {
	scale := float64(m.from) / float64(m.to)
	widened := max(scale, 1)
	support := 2 * widened
	out := make([]taps, last-first)
	left := m.weights
	for i := range out {
		center := (float64(first+i) + 0.5) * scale
		begin := max(int(center-support+0.5), 0)
		end := min(int(center+support+0.5), m.from)
		exact, n := m.exact, end-begin
		sum := 0.0
		for k := range n {
			exact[k] = cubic.Kernel((float64(k+begin) - center + 0.5) * (1 / widened))
			sum += exact[k]
		}
		out[i], left = taps{begin, left[:n:n]}, left[n:]
		for k, w := range exact[:n] {
			out[i].weights[k] = int32(math.Round(w / sum * (1 << precision)))
		}
	}
	return out
}

// weightsFor is the maximum number of weights of a target position.
func weightsFor(from, to int) int {
	return int(math.Ceil(4*max(float64(from)/float64(to), 1))) + 1
}

// maxWeights bounds the weights that are in memory for one pair of sizes, and the weights that are cached for all: 4 MiB each. A
// side of 100 million pixels has 400 million.
const maxWeights = 1 << 20

// filter loops over the weights of all target positions, in groups that maxWeights limits, each with its first position.
func filter(from, to int) iter.Seq2[int, []taps] {
	return func(yield func(int, []taps) bool) {
		group := max(maxWeights/weightsFor(from, to), 1)
		if group >= to {
			yield(0, tapsFor(from, to))
			return
		}
		m := newMaker(from, to, group)
		for first := 0; first < to; first += group {
			if !yield(first, m.taps(first, min(first+group, to))) {
				return
			}
		}
	}
}

// tapsFor caches the weights of recent pairs of sizes, because the images of a data set tend to have the same size.
func tapsFor(from, to int) []taps {
	tapCache.Lock()
	defer tapCache.Unlock()
	key := [2]int{from, to}
	t, ok := tapCache.taps[key]
	if !ok {
		n := to * weightsFor(from, to)
		if tapCache.weights += n; tapCache.weights > maxWeights {
			clear(tapCache.taps)
			tapCache.weights = n
		}
		t = newMaker(from, to, to).taps(0, to)
		tapCache.taps[key] = t
	}
	return t
}

var tapCache = struct {
	sync.Mutex
	taps    map[[2]int][]taps
	weights int // number of all weights
}{taps: map[[2]int][]taps{}}

func resizeWidth(p pixels, size int) pixels {
	out := newPixels(p.height, size)
	for first, columns := range filter(p.width, size) {
		for y := range p.height {
			row := p.pix[y*p.width*3 : (y+1)*p.width*3]
			target := out.pix[(y*size+first)*3:][:len(columns)*3]
			for x, t := range columns {
				var r, g, b int32 = half, half, half
				source := row[t.first*3:]
				for k, w := range t.weights {
					s := source[3*k : 3*k+3 : 3*k+3]
					r += int32(s[0]) * w
					g += int32(s[1]) * w
					b += int32(s[2]) * w
				}
				d := target[3*x : 3*x+3 : 3*x+3]
				d[0], d[1], d[2] = clip(r), clip(g), clip(b)
			}
		}
	}
	return out
}

func resizeHeight(p pixels, size int) pixels {
	out := newPixels(size, p.width)
	stride := p.width * 3
	sums := make([]int32, stride)
	for first, rows := range filter(p.height, size) {
		for y, t := range rows {
			for i := range sums {
				sums[i] = half
			}
			k, w := 0, t.weights
			source := p.pix[t.first*stride:]
			for ; len(w)-k >= 4; k += 4 { // four at a time, because sums goes through memory
				a, b := source[k*stride:][:len(sums)], source[(k+1)*stride:][:len(sums)]
				c, d := source[(k+2)*stride:][:len(sums)], source[(k+3)*stride:][:len(sums)]
				for i := range sums {
					sums[i] += int32(a[i])*w[k] + int32(b[i])*w[k+1] + int32(c[i])*w[k+2] + int32(d[i])*w[k+3]
				}
			}
			for ; k < len(w); k++ {
				for i, v := range source[k*stride:][:len(sums)] {
					sums[i] += int32(v) * w[k]
				}
			}
			target := out.pix[(first+y)*stride:][:len(sums)]
			for i, s := range sums {
				target[i] = clip(s)
			}
		}
	}
	return out
}

// clip rounds a sum, which started at half, to a pixel value.
func clip(sum int32) uint8 {
	return uint8(min(max(sum>>precision, 0), 255))
}
