package data

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"image"
	"image/color"
	"image/gif"
	"testing"

	"dtl-tf/graph/expect"
)

// blankPNG is a small file of a large image: [height, width] pixels of zeros of a depth and colour type.
func blankPNG(t *testing.T, height, width int, depth, colours, adam7 byte) []byte {
	t.Helper()
	samples := map[byte]int{0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colours]
	be := binary.BigEndian
	header := append(be.AppendUint32(be.AppendUint32(nil, uint32(width)), uint32(height)), depth, colours, 0, 0, adam7)
	var packed bytes.Buffer
	z, err := zlib.NewWriterLevel(&packed, zlib.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	passes := [][4]int{{0, 0, 1, 1}} // first column and row, steps
	if adam7 == 1 {
		passes = [][4]int{{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}}
	}
	for _, p := range passes {
		columns, rows := (width-p[0]+p[2]-1)/p[2], (height-p[1]+p[3]-1)/p[3]
		z.Write(make([]byte, rows*(1+columns*samples*int(depth)/8)))
	}
	z.Close()
	out := append([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", header)...)
	if colours == 3 {
		out = append(out, chunk("PLTE", make([]byte, 768))...)
	}
	return append(append(out, chunk("IDAT", packed.Bytes())...), chunk("IEND", nil)...)
}

// TestMemory: to decode and resize an image takes at most 16 bytes a pixel, four times what Pillow holds an RGB image in,
// however small the file and however long and narrow the image.
func TestMemory(t *testing.T) {
	const height, width = 1500, 1000
	screen := new(bytes.Buffer)
	if err := gif.Encode(screen, image.NewPaletted(image.Rect(0, 0, 1, 1), color.Palette{color.Black, color.White}), nil); err != nil {
		t.Fatal(err)
	}
	large := screen.Bytes()
	binary.LittleEndian.PutUint16(large[6:], width)
	binary.LittleEndian.PutUint16(large[8:], height)
	for name, c := range map[string]struct {
		content       []byte
		height, width int
		perPixel      int
	}{
		"grey":                 {blankPNG(t, height, width, 8, 0, 0), height, width, 4},
		"palette":              {blankPNG(t, height, width, 8, 3, 0), height, width, 4},
		"RGB":                  {blankPNG(t, height, width, 8, 2, 0), height, width, 4},
		"RGBA of 16 bits":      {blankPNG(t, height, width, 16, 6, 0), height, width, 8},
		"the same, interlaced": {blankPNG(t, height, width, 16, 6, 1), height, width, 16},
		"a screen":             {large, height, width, 5},
		"tall":                 {blankPNG(t, 1_000_000, 1, 8, 0, 0), 1_000_000, 1, 8},
		"tall, two wide":       {blankPNG(t, 600_000, 2, 8, 0, 0), 600_000, 2, 8},
		"flat":                 {blankPNG(t, 1, 1_000_000, 8, 0, 0), 1, 1_000_000, 8},
	} {
		t.Run(name, func(t *testing.T) {
			expect.Memory(t, c.perPixel*c.height*c.width, func() {
				p, err := decode(c.content, nil, MaxPixels)
				if err != nil {
					t.Fatal(err)
				}
				if p.height != c.height || p.width != c.width {
					t.Fatalf("%d x %d pixels", p.width, p.height)
				}
				if got := resize(p, 16); len(got) != 16*16*3 || got[0] != 0 {
					t.Errorf("%d values, the first %d", len(got), got[0])
				}
			})
		})
	}
}

// TestWeightsInGroups: where the weights of a side are made a few at a time, they are those made at once.
func TestWeightsInGroups(t *testing.T) {
	const from, to = 300_000, 7
	all := newMaker(from, to, to).taps(0, to)
	seen := 0
	for first, group := range filter(from, to) {
		if len(group)*weightsFor(from, to) > maxWeights && len(group) > 1 {
			t.Errorf("%d weights at a time", len(group)*weightsFor(from, to))
		}
		for i, g := range group {
			want := all[first+i]
			if g.first != want.first || len(g.weights) != len(want.weights) || len(g.weights) > weightsFor(from, to) {
				t.Fatalf("position %d: %d weights from %d, want %d from %d", first+i, len(g.weights), g.first, len(want.weights), want.first)
			}
			for k, w := range g.weights {
				if w != want.weights[k] {
					t.Fatalf("position %d, weight %d: %d, want %d", first+i, k, w, want.weights[k])
				}
			}
			seen++
		}
	}
	if seen != to {
		t.Errorf("%d positions, want %d", seen, to)
	}
}
