package data

import "testing"

// TestResizeAgreesWithPillow wants the very values of Pillow.
func TestResizeAgreesWithPillow(t *testing.T) {
	for _, v := range vectors(t) {
		for i, size := range v.Sizes {
			got := resize(pixels{v.rgb, v.Height, v.Width}, size)
			if count, largest := difference(t, got, v.resized[i]); count > 0 {
				t.Errorf("%s to %d: %d of %d values differ by up to %d levels", v.name, size, count, len(got), largest)
			}
		}
	}
}

// TestResizeKeepsWhite guards the sums against overflow: a weight above 1 on one side of an edge.
func TestResizeKeepsWhite(t *testing.T) {
	for _, from := range []int{1, 2, 3, 7, 500} {
		p := newPixels(from, from)
		for i := range p.pix {
			p.pix[i] = 255
		}
		for _, v := range resize(p, 224) {
			if v != 255 {
				t.Fatalf("white of %d pixels becomes %d", from, v)
			}
		}
	}
}
