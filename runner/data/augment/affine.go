package augment

import (
	"math"
	"strconv"
)

// affine replaces the pixel at (x, y) by that of the source at (a x + b y + c, d x + e y + f), for m = {a, b, c, d, e, f} and the
// centres of pixels. It computes what Image.transform(AFFINE, BICUBIC, fillcolor) of Pillow does, in the same order: see
// ImagingGenericTransform and bicubic_filter32RGB in Geometry.c.
func (c *canvas) affine(m [6]float64) {
	width, height := float64(c.Width), float64(c.Height)
	for y := range c.Height {
		target := row(c.spare, c.Width, y)
		cy := float64(y) + 0.5
		for x := range c.Width {
			cx := float64(x) + 0.5
			sx := float64(m[0]*cx) + float64(m[1]*cy) + m[2]
			sy := float64(m[3]*cx) + float64(m[4]*cy) + m[5]
			t := target[3*x : 3*x+3 : 3*x+3]
			if sx < 0 || sx >= width || sy < 0 || sy >= height {
				t[0], t[1], t[2] = c.fill[0], c.fill[1], c.fill[2]
				continue
			}
			c.sample(t, sx-0.5, sy-0.5)
		}
	}
	c.swap()
}

// sample writes the pixel at (sx, sy), which are at least -0.5, bicubically interpolated. A coordinate without a fraction needs no
// interpolation along its axis, because the cubic is then exactly its second value.
func (c *canvas) sample(t []uint8, sx, sy float64) {
	x, y := floor(sx), floor(sy)
	dx, dy := sx-float64(x), sy-float64(y)
	var ends [4]neighbours
	if dy == 0 {
		n := c.neighbours(&ends[0], x, y)
		for k := range 3 {
			t[k] = truncate(n.across(k, dx))
		}
		return
	}
	above, line, below, last := c.neighbours(&ends[0], x, y-1), c.neighbours(&ends[1], x, y), c.neighbours(&ends[2], x, y+1), c.neighbours(&ends[3], x, y+2)
	if dx == 0 {
		for k := range 3 {
			t[k] = truncate(cubicOf(above[3+k], line[3+k], below[3+k], last[3+k], dy))
		}
		return
	}
	for k := range 3 {
		t[k] = truncate(cubic(above.across(k, dx), line.across(k, dx), below.across(k, dx), last.across(k, dx), dy))
	}
}

// floor is the largest integer not above v, which is at least -1.
func floor(v float64) int { return int(v+1) - 1 }

// neighbours are the pixels x-1 to x+2 of a row.
type neighbours [12]uint8

// neighbours returns the neighbours of column x in row y. Beyond the image they are those at its border, and are written to ends.
func (c *canvas) neighbours(ends *neighbours, x, y int) *neighbours {
	line := row(c.Pix, c.Width, within(y, c.Height))
	if x >= 1 && x+2 < c.Width {
		return (*neighbours)(line[3*(x-1):])
	}
	for i := range 4 {
		copy(ends[3*i:3*i+3], line[3*within(x-1+i, c.Width):])
	}
	return ends
}

// across interpolates channel k.
func (n *neighbours) across(k int, d float64) float64 {
	return cubicOf(n[k], n[3+k], n[6+k], n[9+k], d)
}

// cubicOf is cubic of bytes, whose sums are exact in integers.
func cubicOf(v1, v2, v3, v4 uint8, d float64) float64 {
	a, b, c, e := int32(v1), int32(v2), int32(v3), int32(v4)
	p2, p3, p4 := float64(c-a), float64(2*(a-b)+c-e), float64(b-a+e-c)
	return float64(b) + float64(d*(p2+float64(d*(p3+float64(d*p4)))))
}

// cubic is BICUBIC of Geometry.c, with a = -1. The conversions keep the compiler from fusing operations.
func cubic(v1, v2, v3, v4, d float64) float64 {
	p2 := -v1 + v3
	p3 := float64(2*(v1-v2)) + v3 - v4
	p4 := -v1 + v2 - v3 + v4
	return v2 + float64(d*(p2+float64(d*(p3+float64(d*p4)))))
}

// truncate clips a value to 0..255 without rounding, as Geometry.c does.
func truncate(v float64) uint8 {
	switch {
	case v <= 0:
		return 0
	case v >= 255:
		return 255
	}
	return uint8(v)
}

// within clips an index to 0..n-1.
func within(i, n int) int { return min(max(i, 0), n-1) }

func (c *canvas) shearX(factor float64) { c.affine([6]float64{1, factor, 0, 0, 1, 0}) }
func (c *canvas) shearY(factor float64) { c.affine([6]float64{1, 0, 0, factor, 1, 0}) }
func (c *canvas) translateX(share float64) {
	c.affine([6]float64{1, 0, share * float64(c.Width), 0, 1, 0})
}
func (c *canvas) translateY(share float64) {
	c.affine([6]float64{1, 0, 0, 0, 1, share * float64(c.Height)})
}

// rotate turns the image counter-clockwise by degrees around its centre, as Image.rotate does.
func (c *canvas) rotate(degrees float64) {
	degrees = math.Mod(degrees, 360)
	if degrees < 0 {
		degrees += 360
	}
	switch square := c.Width == c.Height; {
	case degrees == 0:
		return
	case degrees == 180:
		c.turn(func(x, y int) (int, int) { return c.Width - 1 - x, c.Height - 1 - y })
		return
	case degrees == 90 && square:
		c.turn(func(x, y int) (int, int) { return c.Width - 1 - y, x })
		return
	case degrees == 270 && square:
		c.turn(func(x, y int) (int, int) { return y, c.Height - 1 - x })
		return
	}
	angle := -degrees * (math.Pi / 180)
	cos, sin := math.Cos(angle), math.Sin(angle)
	a, b, d := digits15(cos), digits15(sin), digits15(-sin)
	x, y := float64(c.Width)/2, float64(c.Height)/2
	c.affine([6]float64{a, b, float64(a*-x) + float64(b*-y) + x, d, a, float64(d*-x) + float64(a*-y) + y})
}

// turn moves pixels without interpolation; from is the source of a position.
func (c *canvas) turn(from func(x, y int) (int, int)) {
	for y := range c.Height {
		target := row(c.spare, c.Width, y)
		for x := range c.Width {
			sx, sy := from(x, y)
			copy(target[3*x:3*x+3], row(c.Pix, c.Width, sy)[3*sx:])
		}
	}
	c.swap()
}

// digits15 is Python's round(v, 15), which hides differences between mathematical libraries.
func digits15(v float64) float64 {
	r, err := strconv.ParseFloat(strconv.FormatFloat(v, 'f', 15, 64), 64)
	if err != nil {
		panic("augment: " + err.Error()) // FormatFloat's own output
	}
	return r
}
