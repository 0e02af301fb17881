package prepare

import (
	"bytes"
	"image"
	"image/jpeg"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
)

// TestJPEG75: every image is a JPEG with the tables of libjpeg's quality 75 and chroma at half the resolution, with nearly the
// pixels of its source.
func TestJPEG75(t *testing.T) {
	root := animals(t, "")
	turned, err := os.ReadFile(filepath.Join("..", "data", "testdata", "exif6.jpg"))
	expect.NoError(t, err)
	expect.NoError(t, os.WriteFile(filepath.Join(root, "emu", "turned.jpg"), turned, 0o666))
	c := config(t, root, "animals")
	c.JPEG75 = true
	r := prepared(t, c)
	if r.Pixels != "JPEG of quality 75" || !r.Options.JPEG75 {
		t.Errorf("record %+v", r)
	}
	if want := "images whose EXIF orientation --jpeg75 drops: 1; "; !strings.Contains(strings.Join(r.Remarks, "\n"), want) {
		t.Errorf("remarks %q, want %q", r.Remarks, want)
	}
	for _, item := range items(t, c.Out, "train800val200") {
		raw, err := os.ReadFile(item.Path)
		expect.NoError(t, err)
		if filepath.Ext(item.Path) != ".jpg" {
			t.Errorf("%s is no JPEG", item.Path)
		}
		// Annex K of the JPEG standard, halved, in zigzag order: 16 11 12 14 12 10 16 14, and 17 18 18 24 21 24 47 26.
		for _, table := range []string{"\x00\x08\x06\x06\x07\x06\x05\x08\x07", "\x01\x09\x09\x09\x0c\x0b\x0c\x18\x0d"} {
			if !bytes.Contains(raw, []byte(table)) {
				t.Errorf("%s lacks the table %x", item.Path, table)
			}
		}
		// components 1 (2 x 2), 2 and 3 (1 x 1)
		if !bytes.Contains(raw, []byte("\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01")) {
			t.Errorf("%s is not 4:2:0", item.Path)
		}
	}

	from := raster{pix: make([]byte, 3*64*64), height: 64, width: 64}
	for i := range from.pix {
		from.pix[i] = byte(i/3%64*2 + i/3/64 + 20*(i%3)) // a smooth picture
	}
	raw, err := encodeJPEG(from, 75)
	expect.NoError(t, err)
	img, err := jpeg.Decode(bytes.NewReader(raw))
	expect.NoError(t, err)
	worst := 0.0
	for i := range 64 * 64 {
		red, green, blue, _ := img.At(i%64, i/64).RGBA()
		for channel, v := range []uint32{red, green, blue} {
			worst = max(worst, math.Abs(float64(v>>8)-float64(from.pix[3*i+channel])))
		}
	}
	if worst > 12 {
		t.Errorf("a pixel is off by %.0f", worst)
	}
}

// TestJPEG75Refused: damaged images are named, and links are not changed.
func TestJPEG75Refused(t *testing.T) {
	root := animals(t, "")
	expect.NoError(t, filepath.WalkDir(root, func(path string, e os.DirEntry, err error) error {
		if !e.IsDir() {
			return os.WriteFile(path, []byte("\x89PNG\r\n\x1a\nand no more"), 0o666)
		}
		return err
	}))
	c := config(t, root, "animals")
	c.JPEG75 = true
	refused(t, c, ".png", "PNG image")
	c.Link = true
	if err := refused(t, c, "--link", "--jpeg75"); !wrongUse(err) {
		t.Errorf("no error of usage: %v", err)
	}
}

// TestWeigh: an image counts by its pixels, which a progressive JPEG takes twice, and none counts more than there is room for.
func TestWeigh(t *testing.T) {
	testdata := filepath.Join("..", "..", "graph", "jpeg", "testdata")
	for name, want := range map[string]int64{"big420.jpg": 67 * 91, "progressive.jpg": 2 * 67 * 91} {
		if got := weigh(read(t, filepath.Join(testdata, name))); got != want {
			t.Errorf("%s: %d, want %d", name, got, want)
		}
	}
	var b bytes.Buffer
	expect.NoError(t, png.Encode(&b, image.NewGray(image.Rect(0, 0, 5000, 5000))))
	if got := weigh(b.Bytes()); got != maxConvertedPixels {
		t.Errorf("25 megapixels: %d", got)
	}
	if got := weigh([]byte("<html>")); got != 1 {
		t.Errorf("no image: %d", got)
	}
}
