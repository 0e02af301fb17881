package data

import (
	"bytes"
	"encoding/binary"

	"dtl-tf/graph/jpeg"
)

// orientationOf is the orientation of an encoded image that its EXIF block asks for, 1 (as stored) to 8. TIFF's own tag is not meant: it
// is part of the format, and decoding applies it.
func orientationOf(content []byte) int {
	switch {
	case jpeg.Is(content):
		return orientation(jpeg.Exif(content))
	case hasPrefix(magicPNG)(content):
		return orientation(exifOfPNG(bytes.NewReader(content)))
	case isWebP(content):
		return orientation(exifOfWebP(bytes.NewReader(content)))
	}
	return upright
}

// Turned reports whether the EXIF block of an encoded image asks to show it in another orientation than it is stored in.
func Turned(content []byte) bool {
	o := orientationOf(content)
	return o > upright && o <= 8
}

// upright is the orientation of an image that is shown as it is stored.
const upright = 1

// turn shows an image in an orientation of EXIF, as ImageOps.exif_transpose of Pillow does.
func turn(p pixels, orientation int) pixels {
	if orientation <= upright || orientation > 8 {
		return p
	}
	// Stored rows run to the right and columns down; 5 to 8 exchange them.
	right, down, first := 1, p.width, 0
	switch orientation {
	case 2, 3, 7, 8: // from the right edge
		right, first = -1, p.width-1
	}
	switch orientation {
	case 3, 4, 6, 7: // from the lower edge
		down, first = -p.width, first+(p.height-1)*p.width
	}
	out := newPixels(p.height, p.width)
	if orientation >= 5 {
		out.height, out.width = p.width, p.height
		right, down = down, right
	}
	for y := range out.height {
		from := 3 * (first + y*down)
		for i := 3 * y * out.width; i < 3*(y+1)*out.width; i += 3 {
			copy(out.pix[i:i+3], p.pix[from:from+3])
			from += 3 * right
		}
	}
	return out
}

// exifMark precedes the TIFF header in a JPEG. Some programs also write it where the format does not call for it, such as in the chunk eXIf of a PNG.
const exifMark = "Exif\x00\x00"

// orientation reads the orientation, 1 (as stored) to 8, from a TIFF header and its first directory. A missing or damaged one
// is 1.
func orientation(tiff []byte) int {
	for bytes.HasPrefix(tiff, []byte(exifMark)) {
		tiff = tiff[len(exifMark):]
	}
	order := byteOrder(tiff)
	if order == nil || len(tiff) < 8 {
		return upright
	}
	const tag, short, long, signedShort, signedLong = 0x0112, 3, 4, 8, 9
	at := int64(order.Uint32(tiff[4:]))
	if at+2 > int64(len(tiff)) {
		return upright
	}
	entries := tiff[at+2:]
	for range order.Uint16(tiff[at:]) {
		if len(entries) < 12 {
			return upright
		}
		if order.Uint16(entries) == tag {
			var value uint32
			switch kind := order.Uint16(entries[2:]); {
			case order.Uint32(entries[4:]) == 0: // no value
			case kind == short || kind == signedShort:
				value = uint32(order.Uint16(entries[8:]))
			case kind == long || kind == signedLong:
				value = order.Uint32(entries[8:])
			}
			if value >= 2 && value <= 8 {
				return int(value)
			}
			return upright
		}
		entries = entries[12:]
	}
	return upright
}

// byteOrder is the byte order of a TIFF file, nil for other content.
func byteOrder(tiff []byte) binary.ByteOrder {
	switch {
	case bytes.HasPrefix(tiff, []byte("II*\x00")):
		return binary.LittleEndian
	case bytes.HasPrefix(tiff, []byte("MM\x00*")):
		return binary.BigEndian
	}
	return nil
}
