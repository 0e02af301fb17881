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
		p.pix = fromGrey(m.Pix[:n], 1)
	case *image.Gray16:
		p.pix = fromGrey(m.Pix[:2*n], 2)
	case *image.RGBA: // from opaque images only, so premultiplication changed nothing
		p.pix = dropAlpha(m.Pix[:4*n], 1)
	case *image.NRGBA:
		p.pix = dropAlpha(m.Pix[:4*n], 1)
	case *image.RGBA64: // opaque too
		p.pix = dropAlpha(m.Pix[:8*n], 2)
	case *image.NRGBA64:
		p.pix = dropAlpha(m.Pix[:8*n], 2)
	case *image.Paletted:
		p.pix = lookUp(m.Pix[:n], m.Palette)
	default:
		return pixels{}, fmt.Errorf("unexpected pixel layout %T", m)
	}
	return p, nil
}

// fromGrey repeats the first (high) byte of each sample as R, G and B.
func fromGrey(samples []byte, sampleBytes int) []byte {
	n := len(samples) / sampleBytes
	out := make([]byte, 3*n)
	for i := range n {
		v := samples[i*sampleBytes]
		out[3*i], out[3*i+1], out[3*i+2] = v, v, v
	}
	return out
}

// dropAlpha packs the high bytes of R, G and B in place; pixels have four samples.
func dropAlpha(samples []byte, sampleBytes int) []byte {
	n := len(samples) / (4 * sampleBytes)
	for i := range n {
		s := samples[4*i*sampleBytes:]
		samples[3*i], samples[3*i+1], samples[3*i+2] = s[0], s[sampleBytes], s[2*sampleBytes]
	}
	return samples[:3*n]
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
