// Package cubic is the kernel of bicubic resampling, which images and position embeddings share.
package cubic

import "math"

// Kernel is the cubic convolution kernel with a = -0.5 (Keys 1981), of support 2: what Pillow's BICUBIC and
// torch's antialiased interpolation use.
func Kernel(x float64) float64 {
	const a = -0.5
	x = math.Abs(x)
	switch {
	case x < 1:
		return ((a+2)*x-(a+3))*x*x + 1
	case x < 2:
		return (((x-5)*x+8)*x - 4) * a
	}
	return 0
}
