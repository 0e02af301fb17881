// Package cubic has the kernel of bicubic resampling, for images and for position embeddings.
package cubic

import "math"

// Kernel is the cubic convolution kernel with a = -0.5 and support 2 (Keys 1981), the one of Pillow's BICUBIC and of
// torch's antialiased interpolation.
func Kernel(x float64) float64 { return kernel(x, -0.5) }

// Sharp is the cubic convolution kernel with a = -0.75, the one of torch's interpolation without antialiasing.
func Sharp(x float64) float64 { return kernel(x, -0.75) }

// kernel is the cubic convolution kernel with the slope a at 1.
func kernel(x, a float64) float64 {
	x = math.Abs(x)
	switch {
	case x < 1:
		return ((a+2)*x-(a+3))*x*x + 1
	case x < 2:
		return (((x-5)*x+8)*x - 4) * a
	}
	return 0
}
