package opencv

// Disc tells for each pixel [height, width] whether circle(image, (width/2, height/2), radius, thickness=-1) fills it.
func Disc(height, width, radius int) []bool {
	mask := make([]bool, height*width)
	cx, cy := width/2, height/2
	fill := func(y, reach int) {
		if y < 0 || y >= height {
			return
		}
		for x := max(cx-reach, 0); x <= min(cx+reach, width-1); x++ {
			mask[y*width+x] = true
		}
	}
	dx, dy, err, plus, minus := radius, 0, 0, 1, 2*radius-1
	for dx >= dy {
		fill(cy-dy, dx)
		fill(cy+dy, dx)
		fill(cy-dx, dy)
		fill(cy+dx, dy)
		dy++
		err += plus
		plus += 2
		if err > 0 {
			err -= minus
			dx--
			minus -= 2
		}
	}
	return mask
}
