package augment

import (
	"math"
	"math/rand/v2"
)

// Range is a range of numbers.
type Range struct{ Low, High float64 }

// Crop is timm's RandomResizedCrop: a box of random area and shape, to be resized to the image size.
type Crop struct {
	Scale Range // of the box's share of the area
	Ratio Range // of its width to its height
}

// The usual ranges, those of the Inception networks (Szegedy et al. 2014).
var (
	usualScale = Range{0.08, 1}
	usualRatio = Range{3.0 / 4, 4.0 / 3}
)

// Box is a part of an image, in pixels.
type Box struct{ Top, Left, Height, Width int }

// Box draws a box of an image. If ten draws do not fit in, it is the largest central one with a permitted shape.
func (c Crop) Box(height, width int, r *rand.Rand) Box {
	area := float64(height * width)
	low, high := math.Log(c.Ratio.Low), math.Log(c.Ratio.High)
	for range 10 {
		target := c.Scale.draw(r) * area
		ratio := math.Exp(Range{low, high}.draw(r))
		w := int(math.RoundToEven(math.Sqrt(target * ratio)))
		h := int(math.RoundToEven(math.Sqrt(target / ratio)))
		if w <= width && h <= height && w > 0 && h > 0 { // timm fails where a box has no pixel
			return Box{Top: r.IntN(height - h + 1), Left: r.IntN(width - w + 1), Height: h, Width: w}
		}
	}
	b := Box{Height: height, Width: width}
	switch ratio := float64(width) / float64(height); {
	case ratio < c.Ratio.Low:
		b.Height = min(int(math.RoundToEven(float64(width)/c.Ratio.Low)), height)
	case ratio > c.Ratio.High:
		b.Width = min(int(math.RoundToEven(float64(height)*c.Ratio.High)), width)
	}
	b.Height, b.Width = max(b.Height, 1), max(b.Width, 1)
	b.Top, b.Left = (height-b.Height)/2, (width-b.Width)/2
	return b
}

// draw draws a number of the range uniformly.
func (g Range) draw(r *rand.Rand) float64 { return g.Low + (g.High-g.Low)*r.Float64() }
