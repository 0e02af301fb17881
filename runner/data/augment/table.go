package augment

// Operations that replace each value by a table's entry.

// table is the new value for each old one.
type table [256]uint8

func newTable(f func(v int) int) *table {
	var t table
	for v := range t {
		t[v] = uint8(min(max(f(v), 0), 255))
	}
	return &t
}

// look replaces all values.
func (c *canvas) look(t *table) {
	for i, v := range c.Pix {
		c.Pix[i] = t[v]
	}
}

// lookEach replaces the values of each channel by its own table.
func (c *canvas) lookEach(tableOf func(histogram *[256]int) *table) {
	var counts [3][256]int
	for i := 0; i+2 < len(c.Pix); i += 3 {
		counts[0][c.Pix[i]]++
		counts[1][c.Pix[i+1]]++
		counts[2][c.Pix[i+2]]++
	}
	r, g, b := tableOf(&counts[0]), tableOf(&counts[1]), tableOf(&counts[2])
	for i := 0; i+2 < len(c.Pix); i += 3 {
		p := c.Pix[i : i+3 : i+3]
		p[0], p[1], p[2] = r[p[0]], g[p[1]], b[p[2]]
	}
}

func identity(v int) int { return v }

// autoContrast stretches each channel to 0..255: ImageOps.autocontrast without a cutoff.
func (c *canvas) autoContrast() {
	c.lookEach(func(histogram *[256]int) *table {
		low, high := 0, 255
		for low < 255 && histogram[low] == 0 {
			low++
		}
		for high > 0 && histogram[high] == 0 {
			high--
		}
		if high <= low {
			return newTable(identity)
		}
		scale := 255.0 / float64(high-low)
		offset := float64(-float64(low) * scale)
		return newTable(func(v int) int { return int(float64(float64(v)*scale) + offset) })
	})
}

// equalize flattens the histogram of each channel: ImageOps.equalize.
func (c *canvas) equalize() {
	c.lookEach(func(histogram *[256]int) *table {
		kinds, total, last := 0, 0, 0
		for _, n := range histogram {
			if n > 0 {
				kinds, total, last = kinds+1, total+n, n
			}
		}
		step := (total - last) / 255
		if kinds <= 1 || step == 0 {
			return newTable(identity)
		}
		n := step / 2
		return newTable(func(v int) int {
			before := n
			n += histogram[v]
			return before / step
		})
	})
}

func (c *canvas) invert() { c.look(newTable(func(v int) int { return 255 - v })) }

// posterize keeps the highest bits of each value.
func (c *canvas) posterize(bits float64) {
	keep := max(int(bits), 0)
	if keep >= 8 {
		return
	}
	mask := 0xff << (8 - keep) & 0xff
	c.look(newTable(func(v int) int { return v & mask }))
}

// solarize inverts values from the threshold on.
func (c *canvas) solarize(threshold float64) {
	c.look(newTable(func(v int) int {
		if float64(v) < threshold {
			return v
		}
		return 255 - v
	}))
}

// solarizeAdd adds to the values below 128.
func (c *canvas) solarizeAdd(add float64) {
	c.look(newTable(func(v int) int {
		if v < 128 {
			return v + int(add)
		}
		return v
	}))
}
