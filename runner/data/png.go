package data

import (
	"bytes"
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
	return fromImage(m)
}

const magicPNG = "\x89PNG\r\n\x1a\n"

func isPNG(content []byte) bool { return bytes.HasPrefix(content, []byte(magicPNG)) }
