// Package likeness finds pictures that look alike: copies that were scaled, compressed again or brightened. It does not find crops,
// rotated or mirrored copies.
//
// A print has a difference hash of 64 bits (dHash: N. Krawetz, "Kind of Like That", 2013), by which candidates are found, and the
// grey levels of a small picture, by which they are confirmed: a hash alone takes many plain pictures for copies of others. The
// libraries of perceptual hashes lack that second step, and decode pictures themselves, not as training does.
package likeness

import (
	"math"
	"math/bits"
)

// The small picture has twice the sides of the hash's 9 x 8 levels.
const (
	columns, rows         = 18, 16
	hashColumns, hashRows = columns / 2, rows / 2
)

// Print is what is compared of a picture.
type Print struct {
	hash  uint64
	small [rows * columns]uint8
	mean  float64
	sigma float64 // standard deviation of small
}

// plain is the deviation in grey levels below which a picture has too little in it to be told from others.
const plain = 4

// Plain reports whether the picture is nearly of one grey. Plain pictures are like no other.
func (p *Print) Plain() bool { return p.sigma < plain }

// maxSamples bounds the lines of pixels that are read of the shorter side of a large picture.
const maxSamples = 256

// Of makes the print of RGB pixels [height, width, 3].
func Of(pix []uint8, height, width int) (p Print) {
	step := max(min(height, width)/maxSamples, 1)
	levels := average(pix, height, width, step)
	for y := range hashRows {
		for x := range hashColumns - 1 {
			if quad(levels, y, x) > quad(levels, y, x+1) {
				p.hash |= 1 << (y*(hashColumns-1) + x)
			}
		}
	}
	square := 0.0
	for i, v := range levels {
		p.small[i] = uint8(math.Round(v))
		p.mean += v / float64(len(levels))
		square += v * v / float64(len(levels))
	}
	p.sigma = math.Sqrt(max(square-p.mean*p.mean, 0))
	return p
}

// quad is the sum of the four levels of the small picture that the hash joins.
func quad(levels []float64, y, x int) float64 {
	at := 2*y*columns + 2*x
	return levels[at] + levels[at+1] + levels[at+columns] + levels[at+columns+1]
}

// average scales every step-th pixel to rows x columns grey levels by area. The weights of the colours are those of ITU-R BT.601.
func average(pix []uint8, height, width, step int) []float64 {
	h, w := (height+step-1)/step, (width+step-1)/step
	levels := make([]float64, rows*columns)
	line, sums := make([]float64, w), make([]float64, columns)
	across, down := areas(w, columns), areas(h, rows)
	for y, targets := range down {
		row := pix[y*step*width*3:]
		for x := range line {
			p := row[3*x*step : 3*x*step+3]
			line[x] = 0.299*float64(p[0]) + 0.587*float64(p[1]) + 0.114*float64(p[2])
		}
		clear(sums)
		for x, v := range line {
			for _, a := range across[x] {
				sums[a.to] += a.weight * v
			}
		}
		for _, a := range targets {
			for x, s := range sums {
				levels[a.to*columns+x] += a.weight * s
			}
		}
	}
	return levels
}

// area is the share of a target's area that a source covers.
type area struct {
	to     int
	weight float64
}

// areas lists, for each of from equal parts of a line, the shares of to equal parts that it covers.
func areas(from, to int) [][]area {
	out := make([][]area, from)
	ratio := float64(to) / float64(from)
	for i := range out {
		begin, end := float64(i)*ratio, float64(i+1)*ratio
		for t := int(begin); t < to && float64(t) < end; t++ {
			if share := min(end, float64(t+1)) - max(begin, float64(t)); share > 0 {
				out[i] = append(out[i], area{t, share})
			}
		}
	}
	return out
}

// The limits of pictures that look alike: the bits in which their hashes differ, and the correlation of their small pictures.
const (
	maxBits        = 6
	minCorrelation = 0.97
)

// Alike reports whether two pictures look alike.
func Alike(a, b *Print) bool {
	if a.Plain() || b.Plain() || bits.OnesCount64(a.hash^b.hash) > maxBits {
		return false
	}
	return correlation(a, b) >= minCorrelation
}

func correlation(a, b *Print) float64 {
	sum := 0
	for i, v := range a.small {
		sum += int(v) * int(b.small[i])
	}
	return (float64(sum)/float64(len(a.small)) - a.mean*b.mean) / (a.sigma * b.sigma)
}
