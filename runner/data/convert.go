package data

import (
	"fmt"
	"image"
	"image/color"
)

// fromImage converts an image to RGB as Pillow's convert("RGB") does: it drops alpha without compositing and keeps the high byte
// of 16-bit colours. It keeps the high byte of 16-bit greys too, so that a grey picture gives the same values whether it is
// stored as grey or as colour; Pillow clips them at 255, which turns nearly all of them white.
//
// It reuses the memory of m if pixels have four samples.
func fromImage(m image.Image) (pixels, error) {
	b := m.Bounds()
	p := pixels{height: b.Dy(), width: b.Dx()}
	n := p.height * p.width
	switch m := m.(type) {
	case *image.Gray:
		p.pix = pack(make([]byte, 3*n), m.Pix[:n], 1, 0, 0)
	case *image.Gray16:
		p.pix = pack(make([]byte, 3*n), m.Pix[:2*n], 2, 0, 0)
	case *image.RGBA: // from opaque images only, so premultiplication changed nothing
		p.pix = pack(m.Pix, m.Pix[:4*n], 4, 1, 2)
	case *image.NRGBA:
		p.pix = pack(m.Pix, m.Pix[:4*n], 4, 1, 2)
	case *image.RGBA64: // from opaque images only
		p.pix = pack(m.Pix, m.Pix[:8*n], 8, 2, 4)
	case *image.NRGBA64:
		p.pix = pack(m.Pix, m.Pix[:8*n], 8, 2, 4)
	case *image.Paletted:
		p.pix = lookUp(m.Pix[:n], m.Palette)
	default:
		return pixels{}, fmt.Errorf("unexpected pixel layout %T", m)
	}
	return p, nil
}

// pack writes three bytes of each pixel to out: the first, and those at the offsets g and b. A pixel has stride bytes. If stride is
// at least 3, out may share memory with the pixels.
func pack(out, pix []byte, stride, g, b int) []byte {
	n := len(pix) / stride
	for i := range n {
		p := pix[i*stride:]
		out[3*i], out[3*i+1], out[3*i+2] = p[0], p[g], p[b]
	}
	return out[:3*n]
}

func lookUp(indices []byte, palette color.Palette) []byte {
	var rgb [256][3]uint8 // indices beyond the palette stay black
	for i, c := range palette[:min(len(palette), 256)] {
		switch c := c.(type) {
		case color.RGBA: // from opaque images only
			rgb[i] = [3]uint8{c.R, c.G, c.B}
		case color.NRGBA:
			rgb[i] = [3]uint8{c.R, c.G, c.B}
		}
	}
	out := make([]byte, 3*len(indices))
	for i, index := range indices {
		copy(out[3*i:3*i+3], rgb[index][:])
	}
	return out
}
