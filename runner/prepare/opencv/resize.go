package opencv

import "math"

// coefficient is 1 in the fixed-point numbers of the weights.
const coefficient = 2048

// Resize is resize(image, dsize=None, fx=factor, fy=factor) with INTER_LINEAR. The result must have a pixel at least (see
// ScaledSize).
func Resize(m Image, factor float64) Image {
	height, width := ScaledSize(m.Height, m.Width, factor)
	out := New(height, width)
	scale := 1 / factor
	if math.Abs(scale-2) < 0x1p-52 {
		halve(m, out)
		return out
	}
	left, right, weights := columns(m.Width, width, scale)
	rows := [2][]int32{make([]int32, 3*width), make([]int32, 3*width)}
	have := [2]int{-1, -1} // the rows of m that they hold
	for y := range height {
		f, at := position(y, scale)
		wanted := [2]int{min(max(at, 0), m.Height-1), min(max(at+1, 0), m.Height-1)}
		if have[1] == wanted[0] {
			rows[0], rows[1] = rows[1], rows[0]
			have[0], have[1] = have[1], have[0]
		}
		for k := range rows {
			if have[k] != wanted[k] {
				stretch(rows[k], m.row(wanted[k]), left, right, weights)
				have[k] = wanted[k]
			}
		}
		upper, lower := weight(1-f), weight(f)
		to := out.row(y)
		for i := range to {
			to[i] = uint8((upper*(rows[0][i]>>4)>>16 + lower*(rows[1][i]>>4)>>16 + 2) >> 2)
		}
	}
	return out
}

// position returns where the centre of a pixel of the result lies in the source: between at and at+1, f behind at.
func position(i int, scale float64) (f float32, at int) {
	v := float32((float64(i)+0.5)*scale - 0.5)
	at = int(math.Floor(float64(v)))
	return v - float32(at), at
}

func weight(f float32) int32 { return int32(round(float64(f * coefficient))) }

// columns returns for each column of the result the offsets of two source pixels in a row, and their weights.
func columns(from, to int, scale float64) (left, right []int, weights [][2]int32) {
	for x := range to {
		f, at := position(x, scale)
		if at < 0 {
			f, at = 0, 0
		}
		if at >= from-1 {
			f, at = 0, from-1
		}
		left = append(left, 3*at)
		right = append(right, 3*min(at+1, from-1))
		weights = append(weights, [2]int32{weight(1 - f), weight(f)})
	}
	return left, right, weights
}

// stretch scales a row horizontally.
func stretch(to []int32, from []uint8, left, right []int, weights [][2]int32) {
	for x, w := range weights {
		for c := range 3 {
			to[3*x+c] = int32(from[left[x]+c])*w[0] + int32(from[right[x]+c])*w[1]
		}
	}
}

// halve averages 2 x 2 pixels, with which OpenCV replaces bilinear resizing to exactly half the size.
func halve(m, out Image) {
	for y := range out.Height {
		to := out.row(y)
		for x := range out.Width {
			for c := range 3 {
				sum, n := 0, 0
				for _, at := range [4][2]int{{2 * y, 2 * x}, {2 * y, 2*x + 1}, {2*y + 1, 2 * x}, {2*y + 1, 2*x + 1}} {
					if at[0] < m.Height && at[1] < m.Width {
						sum += int(m.Pix[3*(at[0]*m.Width+at[1])+c])
						n++
					}
				}
				if n == 4 {
					to[3*x+c] = uint8((sum + 2) >> 2)
				} else {
					to[3*x+c] = uint8(round(float64(float32(sum) / float32(n))))
				}
			}
		}
	}
}
