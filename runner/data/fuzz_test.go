package data

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
)

// FuzzList: what a list says never leaves the data set's folder, and costs memory as its lines do.
func FuzzList(f *testing.F) {
	f.Add([]byte("images/0001.jpg 3\n"), 0)
	f.Add([]byte("\ufeffa b.jpg\t0\r\n\r\nc.png   1\r\n"), 2)
	f.Add([]byte("../../etc/passwd 1\n"), 0)
	f.Add([]byte("a.png 99999999999999999999\n"), 0)
	f.Fuzz(func(t *testing.T, content []byte, classes int) {
		const root = "root"
		var items []Item
		var err error
		expect.Memory(t, 512*len(content), func() { items, err = parseList(root, "train.txt", content, classes) })
		if err != nil {
			if len(err.Error()) > 600 {
				t.Errorf("the error has %d characters", len(err.Error()))
			}
			return
		}
		for _, item := range items {
			if inside, err := filepath.Rel(root, item.Path); err != nil || !filepath.IsLocal(inside) {
				t.Errorf("%q leaves the folder: %v", item.Path, err)
			}
			if item.Label < 0 || item.Label > maxLabel || classes > 0 && item.Label >= classes {
				t.Errorf("label %d of %d classes", item.Label, classes)
			}
			if item.line < 1 || item.line > len(content)+1 {
				t.Errorf("line %d", item.line)
			}
		}
	})
}

// FuzzHeader: the size of an image is known from its header at little cost, whatever it claims.
func FuzzHeader(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.content)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		format, err := formatOf(content)
		if err != nil {
			return
		}
		expect.Memory(t, 8*len(content), func() { _, _, err = format.size(content) })
		if err != nil && err.Error() == "" {
			t.Error("an error without a text")
		}
	})
}

// fuzzPixels bounds the images that FuzzDecode unpacks.
const fuzzPixels = 1 << 16

// FuzzDecode looks for panics in the decoders that are written in Go, and for memory that the limit on pixels does not hold.
func FuzzDecode(f *testing.F) {
	for _, v := range vectors(f) {
		if !strings.HasSuffix(v.name, ".jpg") {
			f.Add(v.content)
		}
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		if format, err := formatOf(content); err != nil || format.decode == nil {
			return
		}
		// Eight bytes a pixel of 16-bit RGBA, which PNG's passes hold twice; three of the result.
		most := 32*fuzzPixels + 16*len(content)
		if isWebP(content) {
			// A lossless picture of any size may claim 65,536 groups of Huffman trees, of 2,680 bytes each in vp8l.
			most += 176 << 20
		}
		expect.Memory(t, most, func() {
			p, err := decode(content, nil, fuzzPixels)
			if errors.Is(err, errDecoder) {
				t.Error(err)
			}
			if err != nil {
				return
			}
			if p.height*p.width > fuzzPixels || len(p.pix) != 3*p.height*p.width {
				t.Errorf("%d x %d pixels in %d bytes", p.width, p.height, len(p.pix))
			}
			resize(p, 9)
		})
	})
}

// FuzzJPEG: what TensorFlow's decoder makes of a file is an image of the size that its header says, or an error in words.
func FuzzJPEG(f *testing.F) {
	for _, v := range vectors(f) {
		if strings.HasSuffix(v.name, ".jpg") && len(v.content) < 4000 {
			f.Add(v.content)
		}
	}
	jpegs := decoder(f)
	f.Fuzz(func(t *testing.T, content []byte) {
		if format, err := formatOf(content); err != nil || format.name != "JPEG" {
			return
		}
		p, err := decode(content, jpegs, fuzzPixels)
		if err != nil {
			for _, jargon := range []string{"node", "op:", "{{"} {
				if strings.Contains(err.Error(), jargon) {
					t.Errorf("an error in TensorFlow's words: %v", err)
				}
			}
			return
		}
		if p.height*p.width > fuzzPixels || len(p.pix) != 3*p.height*p.width {
			t.Errorf("%d x %d pixels in %d bytes", p.width, p.height, len(p.pix))
		}
	})
}
