package data

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/image/bmp"
)

func sizeBMP(content []byte) (height, width int, err error) {
	c, err := bmp.DecodeConfig(bytes.NewReader(content))
	if errors.Is(err, bmp.ErrUnsupported) {
		err = unreadBMP(content)
	}
	return c.Height, c.Width, err
}

func decodeBMP(content []byte) (pixels, error) {
	height, width, err := sizeBMP(content)
	if err != nil {
		return pixels{}, err
	}
	// Before memory is taken for what the header claims: rows are padded to four bytes and never compressed.
	offset, bits := int(binary.LittleEndian.Uint32(content[10:])), int(binary.LittleEndian.Uint16(content[28:]))
	if row := (width*bits + 31) / 32 * 4; height > (len(content)-offset)/row {
		return pixels{}, fmt.Errorf("the file ends early: %d bytes of pixels, %d rows of %d bytes are wanted", max(len(content)-offset, 0), height, row)
	}
	m, err := bmp.Decode(bytes.NewReader(content))
	if err != nil {
		return pixels{}, err
	}
	return fromImage(m)
}

// unreadBMP says which kind of BMP it is that is not read. The header is there: it was read as far as its first surprise.
func unreadBMP(content []byte) error {
	kind := "of an unusual kind"
	if header := binary.LittleEndian.Uint32(content[14:]); header < 40 || len(content) < 34 {
		kind = "with an OS/2 header"
	} else {
		bits, compression := binary.LittleEndian.Uint16(content[28:]), binary.LittleEndian.Uint32(content[30:])
		switch {
		case compression == 1 || compression == 2:
			kind = "compressed by run lengths (RLE)"
		case bits == 16:
			kind = "of 16 bits a pixel"
		case compression == 3 || compression == 6:
			kind = "with colour masks of its own"
		case compression == 4 || compression == 5:
			kind = "that holds a JPEG or PNG image"
		}
	}
	return fmt.Errorf("BMP images %s are not read: convert it to PNG, such as with 'magick NAME.bmp NAME.png'", kind)
}
