package opencv

import "math"

// fraction is the number of fractional bits of the kernel.
const fraction = 8

// kernel returns the right half of the Gaussian kernel, from the centre on, in fixed-point numbers whose sum is 1: the rounding
// errors are passed on from the ends to the centre.
func kernel(sigma float64) []uint32 {
	size := round(sigma*3*2+1) | 1
	half := size / 2
	exact, sum := make([]float64, half+1), 0.0 // from the end to the centre
	for i := range exact {
		x := float64(i - half)
		exact[i] = math.Exp(-x * x / (2 * sigma * sigma))
		if i < half {
			sum += 2 * exact[i]
		}
	}
	sum += exact[half]
	result := make([]uint32, half+1)
	left, rest := uint32(1<<fraction), 0.0
	for i := range half {
		v := exact[i]/sum*(1<<fraction) + rest
		k := math.RoundToEven(v)
		rest = v - k
		result[half-i] = uint32(k)
		left -= 2 * uint32(k)
	}
	result[0] = left
	return result
}

// Blur is GaussianBlur(image, (0, 0), sigma).
func Blur(m Image, sigma float64) Image {
	k := kernel(sigma)
	half := len(k) - 1
	across := make([]uint16, len(m.Pix))
	padded := make([]uint8, 3*(m.Width+2*half))
	for y := range m.Height {
		row := m.row(y)
		for x := range m.Width + 2*half {
			copy(padded[3*x:3*x+3], row[3*mirror(x-half, m.Width):])
		}
		to := across[3*m.Width*y : 3*m.Width*(y+1)]
		for i := range to {
			centre := i + 3*half
			sum := k[0] * uint32(padded[centre])
			for d := 1; d <= half; d++ {
				sum += k[d] * (uint32(padded[centre-3*d]) + uint32(padded[centre+3*d]))
			}
			to[i] = uint16(sum)
		}
	}
	out := New(m.Height, m.Width)
	sums := make([]uint32, 3*m.Width)
	for y := range m.Height {
		row := func(d int) []uint16 {
			at := 3 * m.Width * mirror(y+d, m.Height)
			return across[at : at+3*m.Width]
		}
		for i, v := range row(0) {
			sums[i] = k[0]*uint32(v) + 1<<(2*fraction-1)
		}
		for d := 1; d <= half; d++ {
			above, below := row(-d), row(d)
			for i := range sums {
				sums[i] += k[d] * (uint32(above[i]) + uint32(below[i]))
			}
		}
		for i, sum := range sums {
			out.Pix[3*m.Width*y+i] = uint8(sum >> (2 * fraction))
		}
	}
	return out
}
