// Package opencv has the operations of OpenCV 4 with which TensorFlow Datasets processes pictures, to the bit: bilinear resizing,
// Gaussian blur and filled circles of 8-bit colour images.
package opencv

import "math"

// Image is [Height, Width, 3] uint8.
type Image struct {
	Pix           []uint8
	Height, Width int
}

// New returns a black image.
func New(height, width int) Image {
	return Image{Pix: make([]uint8, 3*height*width), Height: height, Width: width}
}

// row returns a row of pixels.
func (m Image) row(y int) []uint8 { return m.Pix[3*m.Width*y : 3*m.Width*(y+1)] }

// round is cvRound: to the nearest whole number, halves to the even one.
func round(v float64) int { return int(math.RoundToEven(v)) }

// ScaledSize returns height and width of an image that Resize scales by a factor.
func ScaledSize(height, width int, factor float64) (h, w int) {
	return round(float64(height) * factor), round(float64(width) * factor)
}

// mirror maps a position outside 0..n-1 as BORDER_REFLECT_101 does, which does not repeat the first and the last pixel.
func mirror(at, n int) int {
	if n == 1 {
		return 0
	}
	for at < 0 || at >= n {
		if at < 0 {
			at = -at
		} else {
			at = 2*(n-1) - at
		}
	}
	return at
}
