package augment

import "math/rand/v2"

// flip mirrors the image.
func (c *canvas) flip() {
	for y := range c.Height {
		line := row(c.Pix, c.Width, y)
		for i, j := 0, 3*(c.Width-1); i < j; i, j = i+3, j-3 {
			line[i], line[j] = line[j], line[i]
			line[i+1], line[j+1] = line[j+1], line[i+1]
			line[i+2], line[j+2] = line[j+2], line[i+2]
		}
	}
}

// flipCrop pads each side of a square image with zeros by an eighth of the size, crops at a random position and mirrors half of the
// images: the common recipe for CIFAR (4 pixels of 32; He et al. 2015, section 4.2).
func (c *canvas) flipCrop(r *rand.Rand) {
	size, dst, src := c.Width, c.spare, c.Pix
	pad := size / 8
	flip := r.IntN(2) == 1
	dy, dx := r.IntN(2*pad+1)-pad, r.IntN(2*pad+1)-pad
	clear(dst)
	// The columns x for which x + dx is inside the image.
	from, to := max(0, -dx), min(size, size-dx)
	for y := max(0, -dy); y < min(size, size-dy); y++ {
		d, s := row(dst, size, y), row(src, size, y+dy)
		if !flip {
			copy(d[from*3:to*3], s[(from+dx)*3:])
			continue
		}
		for x := from; x < to; x++ {
			i, j := (size-1-x)*3, (x+dx)*3
			d[i], d[i+1], d[i+2] = s[j], s[j+1], s[j+2]
		}
	}
	c.swap()
}
