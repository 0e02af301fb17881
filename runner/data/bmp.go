package data

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"

	"golang.org/x/image/bmp"
)

func sizeBMP(content []byte) (height, width int, err error) {
	c, err := bmp.DecodeConfig(bytes.NewReader(content))
	if errors.Is(err, bmp.ErrUnsupported) {
		err = unsupportedBMP(content)
	}
	return c.Height, c.Width, err
}

// decodeBMP checks that the file is as long as its header claims before it allocates memory. Rows are padded to four bytes.
func decodeBMP(content []byte) (image.Image, error) {
	height, width, err := sizeBMP(content)
	if err != nil {
		return nil, err
	}
	offset, bits := int(binary.LittleEndian.Uint32(content[10:])), int(binary.LittleEndian.Uint16(content[28:]))
	if row := (width*bits + 31) / 32 * 4; height > (len(content)-offset)/row {
		return nil, fmt.Errorf("the file ends early: %d bytes of pixels, %d rows of %d bytes are wanted", max(len(content)-offset, 0), height, row)
	}
	return bmp.Decode(bytes.NewReader(content))
}

// unsupportedBMP names the unsupported kind of BMP. DecodeConfig has read the header up to the unsupported field.
func unsupportedBMP(content []byte) error {
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
			kind = "with custom colour masks"
		case compression == 4 || compression == 5:
			kind = "that holds a JPEG or PNG image"
		}
	}
	return fmt.Errorf("BMP images %s are not read: convert it to PNG, for example with 'magick NAME.bmp NAME.png'", kind)
}
