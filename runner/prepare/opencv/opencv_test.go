package opencv

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"dtl-tf/graph/expect"
)

// result is what scripts/make_opencv_vectors.py says about a picture that OpenCV made.
type result struct {
	From          []int
	Factor        float64
	Radius        int
	Height, Width int
	SHA256        string
}

func (r result) compare(t *testing.T, pix []uint8, height, width int) {
	t.Helper()
	sum := sha256.Sum256(pix)
	if height != r.Height || width != r.Width || hex.EncodeToString(sum[:]) != r.SHA256 {
		t.Errorf("%+v: %d x %d with sum %x", r, width, height, sum)
	}
}

func results(t *testing.T, kind string) []result {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "expect.json"))
	expect.NoError(t, err)
	var all map[string][]result
	expect.NoError(t, json.Unmarshal(raw, &all))
	if len(all[kind]) < 5 {
		t.Fatalf("%d results of %s", len(all[kind]), kind)
	}
	return all[kind]
}

// picture is that of the script.
func picture(height, width int) Image {
	m := New(height, width)
	for i := range m.Pix {
		c, x, y := i%3, i/3%width, i/3/width
		m.Pix[i] = uint8(x*7 + y*13 + c*50 + x*y/5 + x/9%2*90)
	}
	return m
}

func TestResize(t *testing.T) {
	for _, r := range results(t, "resize") {
		m := Resize(picture(r.From[0], r.From[1]), r.Factor)
		r.compare(t, m.Pix, m.Height, m.Width)
	}
}

func TestBlur(t *testing.T) {
	for _, r := range results(t, "blur") {
		m := Blur(picture(r.Height, r.Width), 10)
		r.compare(t, m.Pix, m.Height, m.Width)
	}
}

func TestDisc(t *testing.T) {
	for _, r := range results(t, "disc") {
		pix := make([]uint8, r.Height*r.Width)
		for i, in := range Disc(r.Height, r.Width, r.Radius) {
			if in {
				pix[i] = 1
			}
		}
		r.compare(t, pix, r.Height, r.Width)
	}
}
