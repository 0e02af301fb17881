package data

import (
	"bytes"
	"errors"
	"fmt"

	"dtl-tf/graph/jpeg"
)

// DefaultMaxPixels is the largest image that is decoded unless [Images] says otherwise. It keeps
// a small file that unpacks to gigabytes from taking the machine's memory.
const DefaultMaxPixels = 100_000_000

// pixels is a decoded image: [height, width, 3] uint8 RGB.
type pixels struct {
	pix           []uint8
	height, width int
}

func newPixels(height, width int) pixels {
	return pixels{pix: make([]uint8, height*width*3), height: height, width: width}
}

// decode turns an encoded image of any supported format into RGB. The content decides on the
// format, never the file name.
func decode(content []byte, jpegs *jpeg.Decoder, maxPixels int) (pixels, error) {
	f, err := formatOf(content)
	if err != nil {
		return pixels{}, err
	}
	height, width, err := f.size(content)
	if err != nil {
		return pixels{}, fmt.Errorf("%s image: %w", f.name, err)
	}
	if height <= 0 || width <= 0 {
		return pixels{}, fmt.Errorf("%s image of %d x %d pixels", f.name, width, height)
	}
	if height > maxPixels/width {
		return pixels{}, fmt.Errorf("%s image of %d x %d pixels, more than the limit of %d: scale it down first",
			f.name, width, height, maxPixels)
	}
	if f.name == "JPEG" {
		pix, h, w, err := jpegs.Decode(content)
		return pixels{pix, h, w}, err
	}
	p, err := f.guardedDecode(content)
	if err != nil {
		return pixels{}, fmt.Errorf("%s image: %w", f.name, err)
	}
	return p, nil
}

// guardedDecode turns a panic over a crafted file, should a decoder have such a fault, into an error.
func (f format) guardedDecode(content []byte) (p pixels, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("the decoder broke down: %v", v)
		}
	}()
	return f.decode(content)
}

// format is one way in which images are stored.
type format struct {
	name   string
	is     func(content []byte) bool
	size   func(content []byte) (height, width int, err error) // from the header alone
	decode func(content []byte) (pixels, error)                // nil for JPEG, which TensorFlow decodes
}

func formats() []format {
	return []format{
		{"JPEG", jpeg.Is, jpeg.Size, nil},
		{"PNG", hasPrefix("\x89PNG\r\n\x1a\n"), sizePNG, decodePNG},
		{"GIF", hasPrefix("GIF8"), sizeGIF, decodeGIF},
		{"BMP", hasPrefix("BM"), sizeBMP, decodeBMP},
	}
}

func hasPrefix(magic string) func([]byte) bool {
	return func(content []byte) bool { return bytes.HasPrefix(content, []byte(magic)) }
}

func formatOf(content []byte) (format, error) {
	if len(content) == 0 {
		return format{}, errors.New("the file is empty")
	}
	for _, f := range formats() {
		if f.is(content) {
			return f, nil
		}
	}
	return format{}, fmt.Errorf("not an image in a known format (JPEG, PNG, GIF, BMP): it starts with %q",
		content[:min(len(content), 8)])
}
