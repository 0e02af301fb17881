// Package likeness finds pictures that look alike: copies that were scaled, compressed again, brightened or slightly retouched. It does
// not find crops, rotated or mirrored copies.
//
// Of each picture it keeps a small one, whose grey levels are compared, and a perceptual hash, by which the few pictures worth
// comparing are found: the signs of its lowest frequencies (as in pHash: C. Zauner, "Implementation and Benchmarking of Perceptual
// Image Hash Functions", 2010). Hashes alone take different pictures of one composition for copies, and hashes of differences between
// neighbours (dHash) are random where a picture is of one grey, as product photographs mostly are. Libraries of such hashes decode
// pictures themselves, not as training does.
package likeness

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
)

// The sides of the small picture.
const (
	columns, rows = 18, 16
	levels        = rows * columns
)

// Print is what is compared of a picture.
type Print struct {
	small  [levels]int8 // centred levels, in units of 1/unit standard deviations; see centre
	length float64      // of small as a vector
	sigma  float64      // standard deviation of the centred levels

	hash   uint64 // signs of the lowest frequencies
	strong uint64 // the signs of frequencies of at least strongest
	weak   [bands][probed]uint8
}

// unit keeps four standard deviations within an int8; levels beyond are cut off.
const unit = 31

// plain is the standard deviation in grey levels below which a picture has too little in it to be told from others.
const plain = 2

// Plain reports whether the picture has too little in it to be told from others. Plain pictures are like no other.
func (p *Print) Plain() bool { return p.sigma < plain }

// maxSamples bounds the lines of pixels that are read of the shorter side of a large picture.
const maxSamples = 256

// Of makes the print of RGB pixels [height, width, 3].
func Of(pix []uint8, height, width int) (p Print) {
	small := average(pix, height, width, max(min(height, width)/maxSamples, 1))
	centre(small)
	square := 0.0
	for _, v := range small {
		square += v * v / levels
	}
	p.sigma = math.Sqrt(square)
	if p.Plain() {
		return p
	}
	sum := 0
	for i, v := range small {
		small[i] = v / p.sigma
		p.small[i] = int8(math.Round(min(max(small[i]*unit, math.MinInt8), math.MaxInt8)))
		sum += int(p.small[i]) * int(p.small[i])
		small[i] /= math.Sqrt(levels) // a vector of length 1
	}
	p.length = math.Sqrt(float64(sum))
	p.sign(frequencies(small))
	return p
}

// centre subtracts from each level the means of its row and its column. What is left tells pictures apart that have little but a
// horizon or a shape in the middle.
func centre(small []float64) {
	for row := range slices.Chunk(small, columns) {
		mean := 0.0
		for _, v := range row {
			mean += v / columns
		}
		for x := range row {
			row[x] -= mean
		}
	}
	for x := range columns {
		mean := 0.0
		for y := range rows {
			mean += small[y*columns+x] / rows
		}
		for y := range rows {
			small[y*columns+x] -= mean
		}
	}
}

// The limits of pictures that look alike: the correlation of their small pictures, and the strong signs in which they may differ. Of
// the 19 pairs above the first between 3,000 test and 25,000 training images of CIFAR-100, two clearly show different things; further
// down, the share of clocks and cans of one form grows.
const (
	minCorrelation = 0.96
	// Vectors of length 1 with this correlation differ by the square root of 2 - 2 x 0.96. Three signs of frequencies of at least 0.1
	// each would make that more.
	strongest = 0.1
	maxSigns  = 2
)

// lookAlike reports whether two pictures look alike.
func lookAlike(a, b *Print) bool {
	if a.Plain() || b.Plain() || a.differs(b.hash, b.strong) {
		return false
	}
	sum := 0
	for i, v := range a.small {
		sum += int(v) * int(b.small[i])
	}
	return float64(sum) >= minCorrelation*a.length*b.length
}

// differs reports whether too many strong signs are not those of another picture for the two to look alike.
func (p *Print) differs(hash, strong uint64) bool {
	return bits.OnesCount64((p.hash^hash)&p.strong&strong) > maxSigns
}

// sign fills in the hash.
func (p *Print) sign(values [64]float64) {
	for i, v := range values {
		if v > 0 {
			p.hash |= 1 << i
		}
		if math.Abs(v) >= strongest {
			p.strong |= 1 << i
		}
	}
	for b := range p.weak {
		order := make([]uint8, bandBits)
		for i := range order {
			order[i] = uint8(i)
		}
		slices.SortStableFunc(order, func(x, y uint8) int {
			return cmp.Compare(math.Abs(values[int(x)*bands+b]), math.Abs(values[int(y)*bands+b]))
		})
		copy(p.weak[b][:], order)
	}
}

// average scales every step-th pixel to rows x columns grey levels by area. The weights of the colours are those of ITU-R BT.601.
func average(pix []uint8, height, width, step int) []float64 {
	h, w := (height+step-1)/step, (width+step-1)/step
	small := make([]float64, levels)
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
				small[a.to*columns+x] += a.weight * s
			}
		}
	}
	return small
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
