package data

import (
	"iter"
	"math"
	"sync"

	"dtl-tf/graph/cubic"
)

// Preprocessing names what happens to an image between its file and the values 0..255 that a backbone gets. Values that
// were computed with another are not those of this program.
const Preprocessing = "RGB, bicubic to a square as Pillow 12.3, 16-bit grey scaled"

// resize scales to size x size, both sides, without cropping, bit for bit as resize(BICUBIC) of Pillow 12.3: the
// filter widens when shrinking, so that nothing aliases.
//
// The width is scaled first, as in all versions of Pillow that published numbers were made with, but for images that
// are more than 100 times as tall as wide and lose height. Pillow starts with the height of those since version 12.2, which
// also keeps the intermediate image small. Version 13 starts with the height of many more images, and
// differs from 12.3 by up to 21 levels at their edges.
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

// maker makes weights in memory of its own, for as many target positions at a time as it was made for.
type maker struct {
	from, to int
	exact    []float64 // of one position
	weights  []int32   // of all
}

func newMaker(from, to, positions int) maker {
	most := weightsFor(from, to)
	return maker{from, to, make([]float64, most), make([]int32, positions*most)}
}

// taps are the weights of the target positions first to last, last not included, valid until the next call:
// precompute_coeffs and normalize_coeffs_8bpc of Pillow's Resample.c, in the same order of operations.
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

// weightsFor is the most weights that one target position has.
func weightsFor(from, to int) int {
	return int(math.Ceil(4*max(float64(from)/float64(to), 1))) + 1
}

// maxWeights bounds the weights that are held of one pair of sizes, and those that are remembered of all: 4 MiB each. A side of
// 100 million pixels has 400 million.
const maxWeights = 1 << 20

// filter gives the weights of all target positions in order, as many at a time as maxWeights allows, with the first's place.
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

// tapsFor remembers the weights of recent pairs of sizes: data sets tend to hold one size.
func tapsFor(from, to int) []taps {
	known.Lock()
	defer known.Unlock()
	key := [2]int{from, to}
	t, ok := known.taps[key]
	if !ok {
		if known.weights += to * weightsFor(from, to); known.weights > maxWeights { // starting anew is cheap
			clear(known.taps)
			known.weights = to * weightsFor(from, to)
		}
		t = newMaker(from, to, to).taps(0, to)
		known.taps[key] = t
	}
	return t
}

var known = struct {
	sync.Mutex
	taps    map[[2]int][]taps
	weights int // of all taps
}{taps: map[[2]int][]taps{}}

func resizeWidth(p pixels, size int) pixels {
	out := newPixels(p.height, size)
	for first, columns := range filter(p.width, size) {
		for y := range p.height {
			row := p.pix[y*p.width*3 : (y+1)*p.width*3]
			to := out.pix[(y*size+first)*3:][:len(columns)*3]
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
			for k, w := range t.weights {
				row := p.pix[(t.first+k)*stride:][:len(sums)]
				for i, v := range row {
					sums[i] += int32(v) * w
				}
			}
			to := out.pix[(first+y)*stride:][:len(sums)]
			for i, s := range sums {
				to[i] = clip(s)
			}
		}
	}
	return out
}

// clip rounds a sum that started at half to a pixel value.
func clip(sum int32) uint8 {
	return uint8(min(max(sum>>precision, 0), 255))
}
