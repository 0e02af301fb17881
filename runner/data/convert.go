package data

import (
	"fmt"
	"image"
	"image/color"
)

// fromImage copies an image of Go's decoders to RGB as Pillow's convert("RGB") does: alpha is dropped,
// not composited, and 16-bit colours keep their high byte.
func fromImage(m image.Image) (pixels, error) {
	b := m.Bounds()
	out := newPixels(b.Dy(), b.Dx())
	w := out.width
	for y := range out.height {
		row := out.pix[y*w*3 : (y+1)*w*3]
		switch m := m.(type) {
		case *image.Gray:
			for x, v := range m.Pix[y*m.Stride : y*m.Stride+w] {
				row[3*x], row[3*x+1], row[3*x+2] = v, v, v
			}
		case *image.Gray16:
			grey16(row, m.Pix[y*m.Stride:], 2)
		case *image.RGBA: // only of opaque images: premultiplication changed nothing
			dropAlpha(row, m.Pix[y*m.Stride:], 1)
		case *image.NRGBA:
			dropAlpha(row, m.Pix[y*m.Stride:], 1)
		case *image.RGBA64: // opaque too
			dropAlpha(row, m.Pix[y*m.Stride:], 2)
		case *image.NRGBA64:
			dropAlpha(row, m.Pix[y*m.Stride:], 2)
		case *image.Paletted:
			lookUp(row, m.Pix[y*m.Stride:y*m.Stride+w], m.Palette)
		default:
			return pixels{}, fmt.Errorf("unexpected pixel layout %T", m)
		}
	}
	return out, nil
}

// grey16 saturates big-endian 16-bit greys at 255. That is what Pillow's convert makes of its
// mode I;16, odd as it is: anything brighter than 1/256 of the range becomes white.
func grey16(row, src []byte, pixelBytes int) {
	for x := range len(row) / 3 {
		v := src[x*pixelBytes+1]
		if src[x*pixelBytes] != 0 {
			v = 255
		}
		row[3*x], row[3*x+1], row[3*x+2] = v, v, v
	}
}

// dropAlpha copies the high bytes of R, G and B of pixels with four samples of the given size.
func dropAlpha(row, src []byte, sampleBytes int) {
	for x := range len(row) / 3 {
		s := src[4*x*sampleBytes:]
		row[3*x], row[3*x+1], row[3*x+2] = s[0], s[sampleBytes], s[2*sampleBytes]
	}
}

func lookUp(row, indices []byte, palette color.Palette) {
	var rgb [256][3]uint8 // indices beyond the palette stay black
	for i, c := range palette[:min(len(palette), 256)] {
		switch c := c.(type) {
		case color.RGBA: // opaque
			rgb[i] = [3]uint8{c.R, c.G, c.B}
		case color.NRGBA:
			rgb[i] = [3]uint8{c.R, c.G, c.B}
		}
	}
	for x, i := range indices {
		copy(row[3*x:3*x+3], rgb[i][:])
	}
}
