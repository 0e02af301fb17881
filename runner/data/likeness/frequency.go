package likeness

import (
	"math"
	"slices"
)

// frequencies are the lowest 64 of the orthonormal cosine transform of a small picture, without the mean, the lowest first.
func frequencies(small []float64) (values [64]float64) {
	var rowwise [rows][side]float64
	for y := range rows {
		for v := range side {
			for x := range columns {
				rowwise[y][v] += small[y*columns+x] * cosines.across[v][x]
			}
		}
	}
	for i, f := range cosines.order {
		for y := range rows {
			values[i] += rowwise[y][f[1]] * cosines.down[f[0]][y]
		}
	}
	return values
}

// side is the number of frequencies in each direction, of which the lowest are used.
const side = 10

// cosines are the basis and the order of the frequencies.
var cosines = func() (c struct {
	across [side][columns]float64
	down   [side][rows]float64
	order  [64][2]int // down, across
}) {
	basis := func(f, at, n int) float64 {
		scale := math.Sqrt(2 / float64(n))
		if f == 0 {
			scale = math.Sqrt(1 / float64(n))
		}
		return scale * math.Cos(math.Pi*float64(f)*(float64(at)+0.5)/float64(n))
	}
	var all [][2]int
	for f := range side {
		for x := range columns {
			c.across[f][x] = basis(f, x, columns)
		}
		for y := range rows {
			c.down[f][y] = basis(f, y, rows)
		}
		for g := range side {
			all = append(all, [2]int{f, g})
		}
	}
	slices.SortStableFunc(all, func(a, b [2]int) int { return a[0] + a[1] - b[0] - b[1] })
	copy(c.order[:], all[1:])
	return c
}()
