package augment

// Image is the pixels of an image: [Height, Width, 3] uint8 RGB.
type Image struct {
	Pix           []uint8
	Height, Width int
}

// canvas is an image that operations change in place, with a buffer of the same size for those that can't.
type canvas struct {
	Image
	spare []uint8
	fill  [3]uint8 // the colour outside of the image
}

func newCanvas(m Image, fill [3]uint8, spare []uint8) *canvas {
	return &canvas{Image: m, spare: spare, fill: fill}
}

// swap makes the spare buffer the image.
func (c *canvas) swap() { c.Pix, c.spare = c.spare, c.Pix }

// row is a row of pixels.
func row(pix []uint8, width, y int) []uint8 { return pix[y*width*3:][: width*3 : width*3] }
