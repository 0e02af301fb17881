package data

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/gif"
	"slices"
)

func sizeGIF(content []byte) (height, width int, err error) {
	if len(content) < 13 {
		return 0, 0, errors.New("the file ends within the header")
	}
	return int(binary.LittleEndian.Uint16(content[8:])), int(binary.LittleEndian.Uint16(content[6:])), nil
}

// decodeGIF returns the first frame on its screen. The area around the frame gets the transparent colour, or the first of the
// palette if none is transparent, as in Pillow.
func decodeGIF(content []byte) (image.Image, error) {
	opaque, background := withoutTransparency(content)
	m, err := gif.Decode(bytes.NewReader(opaque))
	if err != nil {
		return nil, err
	}
	frame, ok := m.(*image.Paletted)
	if !ok {
		return nil, errors.New("the frame has no palette")
	}
	height, width, err := sizeGIF(content)
	if err != nil {
		return nil, err
	}
	screen := image.Rect(0, 0, width, height)
	if frame.Rect == screen {
		return frame, nil
	}
	full := &image.Paletted{Pix: bytes.Repeat([]byte{background}, width*height), Stride: width, Rect: screen, Palette: frame.Palette}
	for y := frame.Rect.Min.Y; y < frame.Rect.Max.Y; y++ {
		from := frame.PixOffset(frame.Rect.Min.X, y)
		copy(full.Pix[full.PixOffset(frame.Rect.Min.X, y):], frame.Pix[from:from+frame.Rect.Dx()])
	}
	return full, nil
}

// withoutTransparency clears the transparency flag of the first frame, because Go's decoder replaces that palette entry by black
// while Pillow keeps its colour. It also returns the transparent index, or 0. Malformed content passes through to the decoder.
func withoutTransparency(content []byte) (opaque []byte, index uint8) {
	const header = 13
	i := header
	if len(content) > header && content[10]&0x80 != 0 { // a global palette follows
		i += 3 << (content[10]&7 + 1)
	}
	// Extensions: 0x21, a label, sub-blocks of a length byte and data, a zero.
	for i+7 < len(content) && content[i] == 0x21 {
		const graphicControl = 0xf9
		if content[i+1] == graphicControl && content[i+3]&1 != 0 {
			index = content[i+6]
			content = slices.Clone(content) // the caller's bytes stay as they are
			content[i+3] &^= 1
		}
		i += 2
		for i < len(content) && content[i] != 0 {
			i += int(content[i]) + 1
		}
		i++
	}
	return content, index
}
