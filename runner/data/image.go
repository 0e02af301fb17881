package data

import (
	"fmt"

	"dtl-tf/graph/jpeg"
	"dtl-tf/graph/limit"
)

// maxFileBytes is the largest image file that is read, far above the size of any real one.
const maxFileBytes = 1 << 30

// Images reads image files and scales them to one size. It is safe for concurrent use.
type Images struct {
	Decoder *jpeg.Decoder // decodes JPEG; the caller closes it
	Size    int           // height and width of the result in pixels
}

// Load reads one file and returns [Size, Size, 3] uint8 RGB. Errors name the file.
func (m Images) Load(path string) ([]uint8, error) {
	content, err := limit.ReadFile(path, maxFileBytes)
	if err != nil {
		return nil, fmt.Errorf("read image: %w", err)
	}
	p, err := decode(content, m.Decoder, maxPixels)
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", path, err)
	}
	return resize(p, m.Size), nil
}
