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
	"sync/atomic"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"dtl-tf/graph/capi"
	"dtl-tf/graph/jpeg"
	"dtl-tf/runner/data"
)

// raster is a decoded image: [height, width, 3] uint8 RGB.
type raster struct {
	pix           []uint8
	height, width int
}

// studio changes images on several processors.
type studio struct {
	jpeg75  bool
	turned  atomic.Int64 // images whose EXIF orientation a JPEG of quality 75 does not keep
	group   *errgroup.Group
	pixels  *semaphore.Weighted // of the images on their way, because a photograph takes several bytes for each
	ctx     context.Context
	decoder func() (*jpeg.Decoder, error)
	close   func() error
}

// Limits on the images that are changed at a time. The second is one of the largest photographs of retinas, or two usual ones, for
// which the process grows by some 170 MB.
const (
	maxConverted       = 16
	maxConvertedPixels = 20_000_000
)

func newStudio(ctx context.Context, jpeg75 bool) *studio {
	s := &studio{jpeg75: jpeg75, pixels: semaphore.NewWeighted(maxConvertedPixels), close: func() error { return nil }}
	s.decoder = sync.OnceValues(func() (*jpeg.Decoder, error) {
		capi.ReturnLargeBlocks()
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
	weight := weigh(img.encoded)
	if err := s.pixels.Acquire(s.ctx, weight); err != nil {
		return err
	}
	s.group.Go(func() error {
		defer s.pixels.Release(weight)
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

// weigh returns the number of pixels of an image by its header, at most maxConvertedPixels. Those of a progressive JPEG count twice.
func weigh(content []byte) int64 {
	height, width, err := jpeg.Size(content)
	if err != nil {
		header, _, err := image.DecodeConfig(bytes.NewReader(content))
		if height, width = header.Height, header.Width; err != nil {
			return 1 // decoding will fail, or is of another format, of which files are large themselves
		}
	}
	pixels := max(int64(height)*int64(width), 1)
	if jpeg.Progressive(content) {
		pixels *= 2
	}
	return min(pixels, maxConvertedPixels)
}

func (s *studio) change(img *picture) error {
	if img.encoded == nil { // a link
		return errors.New("an image that is linked can't be changed")
	}
	if img.convert != nil {
		if err := s.replace(img, img.convert); err != nil {
			return err
		}
	}
	if s.jpeg75 {
		if data.Turned(img.encoded) {
			s.turned.Add(1)
		}
		return s.replace(img, func(p raster) ([]byte, error) { return encodeJPEG(p, 75) })
	}
	return nil
}

// replace stores what convert makes of the decoded image, of which convert keeps nothing.
func (s *studio) replace(img *picture, convert func(raster) ([]byte, error)) error {
	decoder, err := s.decoder()
	if err != nil {
		return err
	}
	return data.ViewRGB(img.encoded, decoder, func(pix []uint8, height, width int) (err error) {
		img.encoded, err = convert(raster{pix, height, width})
		return err
	})
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
