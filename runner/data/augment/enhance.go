package augment

// Operations of Pillow's ImageEnhance: they blend the image with a degenerate one. A factor of 1 leaves it as it is, 0 gives the
// degenerate image.

// blend is ImagingBlend of Pillow for one value, in float32.
func blend(degenerate, v uint8, factor float32) uint8 {
	mixed := float32(degenerate) + float32(factor*float32(int(v)-int(degenerate)))
	switch {
	case mixed <= 0:
		return 0
	case mixed >= 255:
		return 255
	}
	return uint8(mixed)
}

// grey is Pillow's conversion to mode L: ITU-R 601-2 luma in fixed point.
func grey(p []uint8) uint8 {
	return uint8((uint32(p[0])*19595 + uint32(p[1])*38470 + uint32(p[2])*7471 + 0x8000) >> 16)
}

// colour blends with the grey image.
func (c *canvas) colour(factor float64) {
	f := float32(factor)
	if f == 1 {
		return
	}
	for i := 0; i+2 < len(c.Pix); i += 3 {
		p := c.Pix[i : i+3 : i+3]
		g := grey(p)
		p[0], p[1], p[2] = blend(g, p[0], f), blend(g, p[1], f), blend(g, p[2], f)
	}
}

// contrast blends with the mean of the grey image.
func (c *canvas) contrast(factor float64) {
	sum := 0
	for i := 0; i+2 < len(c.Pix); i += 3 {
		sum += int(grey(c.Pix[i : i+3]))
	}
	c.blendWith(uint8(float64(sum)/float64(c.Height*c.Width)+0.5), factor)
}

// brightness blends with black.
func (c *canvas) brightness(factor float64) { c.blendWith(0, factor) }

// blendWith blends with one value.
func (c *canvas) blendWith(degenerate uint8, factor float64) {
	f := float32(factor)
	if f == 1 {
		return
	}
	c.look(newTable(func(v int) int { return int(blend(degenerate, uint8(v), f)) }))
}

// sharpness blends with the image smoothed by ImageFilter.SMOOTH, whose border of one pixel stays.
func (c *canvas) sharpness(factor float64) {
	f := float32(factor)
	if f == 1 {
		return
	}
	copy(c.spare, c.Pix)
	stride := 3 * c.Width
	for y := 1; y < c.Height-1; y++ {
		above, line, below := row(c.Pix, c.Width, y-1), row(c.Pix, c.Width, y), row(c.Pix, c.Width, y+1)
		target := row(c.spare, c.Width, y)
		for i := 3; i < stride-3; i++ {
			sum := int(above[i-3]) + int(above[i]) + int(above[i+3]) +
				int(line[i-3]) + 5*int(line[i]) + int(line[i+3]) +
				int(below[i-3]) + int(below[i]) + int(below[i+3])
			// To the nearest: sums of 13ths have no ties, so Pillow's float32 gives the same.
			target[i] = blend(uint8((2*sum+13)/26), line[i], f)
		}
	}
	c.swap()
}
