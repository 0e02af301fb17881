package augment

import (
	"math"
	"math/rand/v2"
)

// The ranges of timm's RandomErasing: the share of the area, and the ratio of height to width.
var (
	eraseArea  = Range{0.02, 1.0 / 3}
	eraseRatio = Range{math.Log(0.3), math.Log(1 / 0.3)}
)

// eraseBox draws the box to erase (Zhong et al. 2017). It is empty if ten draws did not fit in.
func eraseBox(height, width int, r *rand.Rand) Box {
	area := float64(height * width)
	for range 10 {
		target := eraseArea.draw(r) * area
		ratio := math.Exp(eraseRatio.draw(r))
		h := int(math.RoundToEven(math.Sqrt(target * ratio)))
		w := int(math.RoundToEven(math.Sqrt(target / ratio)))
		if w < width && h < height {
			return Box{Top: r.IntN(height - h + 1), Left: r.IntN(width - w + 1), Height: h, Width: w}
		}
	}
	return Box{}
}

// erase fills a random box with the fill colour with a probability: timm's mode const, whose zero after normalisation is the mean
// colour, here rounded to a byte.
func (c *canvas) erase(probability float64, r *rand.Rand) {
	if r.Float64() > probability {
		return
	}
	b := eraseBox(c.Height, c.Width, r)
	for y := b.Top; y < b.Top+b.Height; y++ {
		line := row(c.Pix, c.Width, y)
		for x := b.Left; x < b.Left+b.Width; x++ {
			copy(line[3*x:3*x+3], c.fill[:])
		}
	}
}
