package data

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestUpright: all eight orientations, in files of three formats and both byte orders, give the pixels of Pillow's
// ImageOps.exif_transpose; without Upright they stay as stored.
func TestUpright(t *testing.T) {
	files, err := filepath.Glob("testdata/*.upright")
	if err != nil || len(files) < 13 {
		t.Fatalf("%d vectors: %v", len(files), err)
	}
	jpegs := decoder(t)
	seen := map[int]bool{}
	for _, file := range files {
		turned := readVector(t, file)
		stored := readVector(t, strings.TrimSuffix(file, ".upright")+".expect")
		seen[orientationOf(turned.content)] = true
		for _, c := range []struct {
			upright bool
			want    vector
		}{{true, turned}, {false, stored}} {
			p, err := Images{Decoder: jpegs, Upright: c.upright}.decode(turned.content, MaxPixels)
			if err != nil {
				t.Fatal(err)
			}
			if p.height != c.want.Height || p.width != c.want.Width {
				t.Errorf("%s, upright %v: %d x %d, want %d x %d", file, c.upright, p.height, p.width, c.want.Height, c.want.Width)
			} else if count, largest := difference(t, p.pix, c.want.rgb); largest > 0 {
				t.Errorf("%s, upright %v: %d values differ by up to %d levels", file, c.upright, count, largest)
			}
		}
	}
	if len(seen) != 8 {
		t.Errorf("orientations %v, want 1 to 8", seen)
	}
}
