package data

import (
	"strings"
	"testing"
)

// TestDecodeAgreesWithPillow holds every decoder to the very pixels of Pillow, but for CMYK, where
// TensorFlow truncates the product of ink and black and Pillow rounds it.
func TestDecodeAgreesWithPillow(t *testing.T) {
	jpegs := decoder(t)
	for _, v := range vectors(t) {
		t.Run(v.name, func(t *testing.T) {
			p, err := decode(v.content, jpegs, MaxPixels)
			if err != nil {
				t.Fatal(err)
			}
			if p.height != v.Height || p.width != v.Width {
				t.Fatalf("%d x %d, want %d x %d", p.height, p.width, v.Height, v.Width)
			}
			limit := 0
			if strings.HasPrefix(v.name, "cmyk") || strings.HasPrefix(v.name, "ycck") {
				limit = 1
			}
			if count, largest := difference(t, p.pix, v.rgb); largest > limit {
				t.Errorf("%d of %d values differ by up to %d levels", count, len(p.pix), largest)
			}
		})
	}
}
