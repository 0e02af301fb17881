package data

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"
	"slices"

	"dtl-tf/graph/jpeg"
	"dtl-tf/graph/limit"
)

// maxFileBytes is the largest image file that is read, far above the size of any real one.
const maxFileBytes = 1 << 30

// Images reads image files and scales them to one size. It is safe for concurrent use.
type Images struct {
	Decoder *jpeg.Decoder // decodes JPEG; the caller closes it
	Size    int           // height and width of the result in pixels
	Resize  int           // height and width that an image is scaled to before its centre is cut out; 0: Size
	Upright bool          // turn images as their EXIF orientation says; without it, they are used as stored
}

// Load reads one file and returns [Size, Size, 3] uint8 RGB. Errors name the file.
func (m Images) Load(path string) ([]uint8, error) {
	p, err := m.load(path)
	return p.pix, err
}

func (m Images) load(path string) (pixels, error) {
	p, err := m.read(path)
	if err != nil {
		return p, err
	}
	return m.fit(p), nil
}

// fit resizes an image to Size x Size, or to Resize x Resize and cuts the centre out.
func (m Images) fit(p pixels) pixels {
	if m.Resize > m.Size {
		return centre(pixels{resize(p, m.Resize), m.Resize, m.Resize}, m.Size)
	}
	return pixels{resize(p, m.Size), m.Size, m.Size}
}

// Check reads and decodes a file. Its error is that of a Loader.
func (m Images) Check(path string) error {
	_, err := m.read(path)
	return err
}

// read reads one file in its own size.
func (m Images) read(path string) (pixels, error) {
	content, err := limit.ReadFile(path, maxFileBytes)
	if err != nil {
		return pixels{}, fmt.Errorf("read image: %w", err)
	}
	p, err := m.decode(content, MaxPixels)
	if err != nil {
		return pixels{}, fmt.Errorf("image %s: %w", path, err)
	}
	return p, nil
}

// decode decodes the content of a file in its own size, and turns the image upright if Upright is set.
func (m Images) decode(content []byte, maxPixels int) (pixels, error) {
	p, err := decode(content, m.Decoder, maxPixels)
	if err == nil && m.Upright {
		p = turn(p, orientationOf(content))
	}
	return p, err
}

// Decode is Load for the content of a file. It refuses an image of more than maxPixels pixels from its header; give at most
// MaxPixels.
func (m Images) Decode(content []byte, maxPixels int) ([]uint8, error) {
	p, err := m.decode(content, maxPixels)
	if err != nil {
		return nil, err
	}
	return m.fit(p).pix, nil
}

// MaxPixels is the largest image that is decoded. It bounds the memory that a small file can unpack to, and lies between the sizes
// at which Pillow warns (89,478,485) and raises an error (178,956,970).
const MaxPixels = 100_000_000

// pixels is a decoded image: [height, width, 3] uint8 RGB.
type pixels struct {
	pix           []uint8
	height, width int
}

func newPixels(height, width int) pixels {
	return pixels{pix: make([]uint8, height*width*3), height: height, width: width}
}

// examined returns the format of an encoded image, which must not be larger than maxPixels by its header.
func examined(content []byte, maxPixels int) (format, error) {
	f, err := formatOf(content)
	if err != nil {
		return f, err
	}
	height, width, err := f.size(content)
	switch {
	case err != nil:
		return f, fmt.Errorf("%s image: %w", f.name, err)
	case height <= 0 || width <= 0:
		return f, fmt.Errorf("%s image of %d x %d pixels", f.name, width, height)
	case height > maxPixels/width:
		return f, fmt.Errorf("%s image of %d x %d pixels, more than the limit of %d: scale it down first",
			f.name, width, height, maxPixels)
	}
	return f, nil
}

// decode turns an encoded image of any supported format into RGB. It recognises the format by content, never by file name.
func decode(content []byte, jpegs *jpeg.Decoder, maxPixels int) (pixels, error) {
	f, err := examined(content, maxPixels)
	if err != nil {
		return pixels{}, err
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

// guardedDecode turns a decoder's panic over a crafted file into an error.
func (f format) guardedDecode(content []byte) (p pixels, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%w: %v", errDecoder, v)
		}
	}()
	return f.decode(content)
}

var errDecoder = errors.New("the decoder failed")

// format is an image file format.
type format struct {
	name   string
	is     func(content []byte) bool
	size   func(content []byte) (height, width int, err error) // from the header; nil for unsupported formats
	decode func(content []byte) (pixels, error)                // nil for JPEG, which TensorFlow decodes
}

// formats lists the supported formats, then those that are recognised only to name them in an error.
func formats() []format {
	box := func(brands ...string) func([]byte) bool { // ISO base media file format
		return func(content []byte) bool {
			return len(content) >= 12 && string(content[4:8]) == "ftyp" && slices.Contains(brands, string(content[8:12]))
		}
	}
	return []format{
		{"JPEG", jpeg.Is, jpeg.Size, nil},
		{"PNG", hasPrefix(magicPNG), sizePNG, viaImage(decodePNG)},
		{"GIF", hasPrefix("GIF8"), sizeGIF, viaImage(decodeGIF)},
		{"BMP", hasPrefix("BM"), sizeBMP, viaImage(decodeBMP)},
		{"WebP", isWebP, sizeWebP, decodeWebP},
		{"TIFF", func(content []byte) bool { return byteOrder(content) != nil }, sizeTIFF, decodeTIFF},
		{name: "BigTIFF", is: hasPrefix("II+\x00")},
		{name: "BigTIFF", is: hasPrefix("MM\x00+")},
		{name: "AVIF", is: box("avif", "avis")},
		{name: "HEIC", is: box("heic", "heix", "mif1", "msf1")},
		{name: "JPEG 2000", is: hasPrefix("\x00\x00\x00\x0cjP  \r\n\x87\n")},
	}
}

// viaImage converts what a decoder of the package image returns.
func viaImage(decode func(content []byte) (image.Image, error)) func(content []byte) (pixels, error) {
	return func(content []byte) (pixels, error) {
		m, err := decode(content)
		if err != nil {
			return pixels{}, err
		}
		return fromImage(m)
	}
}

const magicPNG = "\x89PNG\r\n\x1a\n"

func hasPrefix(magic string) func([]byte) bool {
	return func(content []byte) bool { return bytes.HasPrefix(content, []byte(magic)) }
}

func formatOf(content []byte) (format, error) {
	if len(content) == 0 {
		return format{}, errors.New("the file is empty")
	}
	for _, f := range formats() {
		switch {
		case !f.is(content):
		case f.size == nil:
			return format{}, fmt.Errorf("%s images are not read: convert it to PNG or JPEG", f.name)
		default:
			return f, nil
		}
	}
	return format{}, fmt.Errorf("not an image in a known format (JPEG, PNG, GIF, BMP, WebP, TIFF): it starts with %q",
		content[:min(len(content), 8)])
}

func sizePNG(content []byte) (height, width int, err error) {
	c, err := png.DecodeConfig(bytes.NewReader(content))
	return c.Height, c.Width, err
}

func decodePNG(content []byte) (image.Image, error) { return png.Decode(bytes.NewReader(content)) }
