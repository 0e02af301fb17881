package graph

import "math"

// Centre cuts the central size x size out of square images [B, S, S, 3], as CenterCrop of torchvision: half a pixel goes to the even
// side.
func (b *Builder) Centre(images Value, size int) Value {
	from := int(math.RoundToEven(float64(images.Shape[1]-size) / 2))
	b = b.In("centre")
	return b.slice(b.slice(images, 1, from, from+size), 2, from, from+size)
}
