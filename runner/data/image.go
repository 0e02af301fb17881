package data

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"dtl-tf/graph/jpeg"
)

// maxFileBytes is the largest image file that is read; nobody stores a single image of this size.
const maxFileBytes = 1 << 30

// Images reads image files of one size. Load may be called from several goroutines.
type Images struct {
	Decoder   *jpeg.Decoder // decodes JPEG; the caller keeps and closes it
	Size      int           // height and width of what Load returns, in pixels
	MaxPixels int           // largest image that is decoded; 0 is DefaultMaxPixels
}

// Load reads one file and returns [Size, Size, 3] uint8 RGB. Every error names the file.
func (m Images) Load(path string) ([]uint8, error) {
	pix, err := m.load(path)
	if err != nil {
		var pathError *fs.PathError
		if errors.As(err, &pathError) { // it names the file already
			return nil, fmt.Errorf("read image: %w", err)
		}
		return nil, fmt.Errorf("image %s: %w", path, err)
	}
	return pix, nil
}

func (m Images) load(path string) ([]uint8, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // reading a pipe would wait for ever
		return nil, errors.New("not a regular file")
	}
	if info.Size() > maxFileBytes {
		return nil, fmt.Errorf("%d bytes are more than the limit of %d for one image file", info.Size(), maxFileBytes)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	maxPixels := m.MaxPixels
	if maxPixels == 0 {
		maxPixels = DefaultMaxPixels
	}
	p, err := decode(content, m.Decoder, maxPixels)
	if err != nil {
		return nil, err
	}
	return resize(p, m.Size), nil
}
