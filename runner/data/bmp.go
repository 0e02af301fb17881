package data

import (
	"bytes"

	"golang.org/x/image/bmp"
)

func sizeBMP(content []byte) (height, width int, err error) {
	c, err := bmp.DecodeConfig(bytes.NewReader(content))
	return c.Height, c.Width, err
}

func decodeBMP(content []byte) (pixels, error) {
	m, err := bmp.Decode(bytes.NewReader(content))
	if err != nil {
		return pixels{}, err
	}
	return fromImage(m)
}
