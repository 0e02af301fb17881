package augment

import "math"

// blur is Image.filter(GaussianBlur(radius)) of Pillow: three box blurs along rows, then three along columns, each with the box of
// fractional radius that BoxBlur.c computes in float32.
func (c *canvas) blur(radius float64) {
	box := boxRadius(float32(radius), 3)
	if box == 0 {
		return
	}
	c.boxes(box, 1, c.Width, c.Width, c.Height)
	c.boxes(box, c.Width, c.Height, 1, c.Width)
}

// boxRadius is _gaussian_blur_radius of BoxBlur.c. The square root is that of float64, as in C.
func boxRadius(radius, passes float32) float32 {
	variance := float32(radius*radius) / passes
	length := float32(math.Sqrt(12*float64(variance) + 1))
	whole := float32(math.Floor((float64(length) - 1) / 2))
	part := float32(2*whole+1) * (float32(whole*(whole+1)) - float32(3*variance))
	part /= 6 * (variance - float32((whole+1)*(whole+1)))
	return whole + part
}

// boxes blurs lines of n pixels three times. Pixels of a line are step pixels apart, lines are next pixels apart.
func (c *canvas) boxes(box float32, step, n, next, lines int) {
	radius := int(box)
	weight := uint32(float32(1<<24) / (box*2 + 1))  // of the pixels inside
	edge := (1<<24 - uint32(radius*2+1)*weight) / 2 // of the two that are partly inside
	padded := make([]uint32, n+2*(radius+1))        // a line of one channel with its ends repeated
	inside := padded[radius+1:][:n]                 // the line
	blurred := make([]uint32, n)
	for line := range lines {
		for k := range 3 {
			at := 3*line*next + k
			for i := range inside {
				inside[i] = uint32(c.Pix[at+3*step*i])
			}
			for range 3 {
				boxLine(blurred, padded, radius, weight, edge)
				copy(inside, blurred)
			}
			for i, v := range inside {
				c.Pix[at+3*step*i] = uint8(v)
			}
		}
	}
}

// boxLine blurs a line, padded by radius+1 values at either end, which it fills.
func boxLine(blurred, padded []uint32, radius int, weight, edge uint32) {
	n, last := len(blurred), len(padded)-1
	for i := range radius + 1 {
		padded[i], padded[last-i] = padded[radius+1], padded[radius+n]
	}
	sum := uint32(0)
	for _, v := range padded[:2*radius+1] {
		sum += v
	}
	for i := range blurred {
		sum += padded[i+2*radius+1] - padded[i]
		blurred[i] = (sum*weight + (padded[i]+padded[i+2*radius+2])*edge + 1<<23) >> 24
	}
}
