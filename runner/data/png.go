package data

import (
	"bytes"
	"image"
	"image/png"
)

func sizePNG(content []byte) (height, width int, err error) {
	c, err := png.DecodeConfig(bytes.NewReader(content))
	return c.Height, c.Width, err
}

func decodePNG(content []byte) (pixels, error) {
	m, err := png.Decode(bytes.NewReader(content))
	if err != nil {
		return pixels{}, err
	}
	// Go turns 16-bit grey with a transparent key into RGBA; Pillow keeps it grey, which saturates.
	if m, ok := m.(*image.NRGBA64); ok && isGrey(content) {
		out := newPixels(m.Rect.Dy(), m.Rect.Dx())
		for y := range out.height {
			grey16(out.pix[y*out.width*3:(y+1)*out.width*3], m.Pix[y*m.Stride:], 8)
		}
		return out, nil
	}
	return fromImage(m)
}

// isGrey reads the colour type of the header, the tenth byte of the first chunk's data.
func isGrey(content []byte) bool {
	const colorType = 8 + 8 + 9 // signature, chunk length and name, then width, height, depth
	return len(content) > colorType && content[colorType] == 0
}
