package data

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"dtl-tf/graph/expect"
)

// TestThumbnail: proportions are kept, small images stay as they are, and a square has the pixels of resize, which is tested against
// Pillow.
func TestThumbnail(t *testing.T) {
	images := Images{Decoder: decoder(t), Size: 20}
	path := filepath.Join(t.TempDir(), "image.png")
	for _, c := range []struct{ width, height, wantWidth, wantHeight int }{
		{60, 30, 20, 10}, {30, 61, 10, 20}, {5, 9, 5, 9}, {20, 20, 20, 20}, {64, 64, 20, 20}, {3, 900, 1, 20}, {900, 3, 20, 1},
	} {
		m := image.NewRGBA(image.Rect(0, 0, c.width, c.height))
		for y := range c.height {
			for x := range c.width {
				m.Set(x, y, color.RGBA{uint8(7 * x), uint8(5 * y), uint8(x * y), 255})
			}
		}
		var b bytes.Buffer
		expect.NoError(t, png.Encode(&b, m))
		expect.NoError(t, os.WriteFile(path, b.Bytes(), 0o666))
		small, err := images.Thumbnail(path, 20)
		expect.NoError(t, err)
		if got := small.Bounds(); got != image.Rect(0, 0, c.wantWidth, c.wantHeight) {
			t.Errorf("%d x %d becomes %v", c.width, c.height, got)
		}
		if c.width != c.height {
			continue
		}
		want, err := images.Load(path)
		expect.NoError(t, err)
		for i := range 400 {
			r, g, b, a := small.At(i%20, i/20).RGBA()
			if got := [4]uint8{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8), uint8(a >> 8)}; got != [4]uint8{want[3*i], want[3*i+1], want[3*i+2], 255} {
				t.Fatalf("%d x %d: pixel %d is %v, want %v", c.width, c.height, i, got, want[3*i:3*i+3])
			}
		}
	}
	_, err := images.Thumbnail(filepath.Join(t.TempDir(), "gone.png"), 20)
	expect.Error(t, err, "gone.png")
}
