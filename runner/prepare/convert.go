package prepare

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	gojpeg "image/jpeg"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"dtl-tf/graph/jpeg"
	"dtl-tf/runner/data"
)

// raster is a decoded image: [height, width, 3] uint8 RGB.
type raster struct {
	pix           []uint8
	height, width int
}

// studio changes images on several processors. What is on its way is bounded, because a photograph can take 300 MB.
type studio struct {
	jpeg75  bool
	group   *errgroup.Group
	ctx     context.Context
	decoder func() (*jpeg.Decoder, error)
	close   func() error
}

// maxConverted is the largest number of images that are changed at a time.
const maxConverted = 4

func newStudio(ctx context.Context, jpeg75 bool) *studio {
	s := &studio{jpeg75: jpeg75, close: func() error { return nil }}
	s.decoder = sync.OnceValues(func() (*jpeg.Decoder, error) {
		d, err := jpeg.NewDecoder(1)
		if err == nil {
			s.close = d.Close
		}
		return d, err
	})
	s.group, s.ctx = errgroup.WithContext(ctx)
	s.group.SetLimit(min(maxConverted, runtime.GOMAXPROCS(0)))
	return s
}

// do changes an image as it has to be and passes it on, at once if nothing changes it.
func (s *studio) do(img picture, then func(picture) error) error {
	if img.convert == nil && !s.jpeg75 {
		return then(img)
	}
	s.group.Go(func() error {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		if err := s.change(&img); err != nil {
			return fmt.Errorf("%s: %w", img.name, err)
		}
		return then(img)
	})
	return s.ctx.Err()
}

func (s *studio) change(img *picture) (err error) {
	if img.encoded == nil { // a link
		return fmt.Errorf("an image that is linked can't be changed")
	}
	if img.convert != nil {
		picture, err := s.decode(img.encoded)
		if err == nil {
			img.encoded, err = img.convert(picture)
		}
		if err != nil {
			return err
		}
	}
	if s.jpeg75 {
		picture, err := s.decode(img.encoded)
		if err == nil {
			img.encoded, err = encodeJPEG(picture, 75)
		}
		return err
	}
	return nil
}

func (s *studio) decode(content []byte) (p raster, err error) {
	decoder, err := s.decoder()
	if err != nil {
		return p, err
	}
	p.pix, p.height, p.width, err = data.RGB(content, decoder)
	return p, err
}

// wait returns after the last image. It frees the decoder.
func (s *studio) wait() error {
	err := s.group.Wait()
	return errors.Join(err, s.close())
}

// encodeJPEG encodes in colour with chroma at half the resolution. Quality has libjpeg's scale.
func encodeJPEG(p raster, quality int) ([]byte, error) {
	img := image.NewRGBA(image.Rect(0, 0, p.width, p.height))
	for i := range p.height * p.width {
		copy(img.Pix[4*i:4*i+3], p.pix[3*i:])
		img.Pix[4*i+3] = 255
	}
	var b bytes.Buffer
	err := gojpeg.Encode(&b, img, &gojpeg.Options{Quality: quality})
	return b.Bytes(), err
}
