package prepare

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"dtl-tf/graph/limit"
	"dtl-tf/graph/weight"
	"dtl-tf/runner/prepare/archive"
	"dtl-tf/runner/prepare/hdf5"
	"dtl-tf/runner/prepare/order"
)

// sprites is dSprites (Matthey et al. 2017): 737,280 images of 64 x 64 bytes, 0 or 1, for the combinations of 3 shapes, 6 scales, 40
// orientations, 32 x and 32 y positions; y varies fastest. They are the array imgs of an HDF5 file and of an .npz.
type sprites struct {
	rowKeys
	archive *archive.Archive // the .npz; nil for the HDF5 file
	path    string
	task    string
}

const (
	spriteFile  = "imgs.npy"
	spriteArray = "imgs" // in the HDF5 file
	spriteSide  = 64
	spriteHDF5  = "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.hdf5"
	spriteNPZ   = "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"
)

// spriteRows is the required number of images: labels follow from the rows' numbers. Tests have fewer.
var spriteRows = 737280

func isSprites(name string) bool { return name == spriteFile }

func openSprites(c Config, a *archive.Archive) (source, error) {
	name, err := chooseTask(c, "dsprites")
	return &sprites{archive: a, path: c.From, task: name}, err
}

// openSpriteFile opens the HDF5 file, which its content tells, and compares its array with that of dSprites. It returns nil for other
// sources.
func openSpriteFile(c Config) (source, error) {
	if info, err := os.Stat(c.From); err != nil || !info.Mode().IsRegular() {
		return nil, nil
	}
	head, err := headOf(c.From)
	if err != nil || !strings.HasPrefix(string(head), hdf5Magic) {
		return nil, err
	}
	s := &sprites{path: c.From}
	f, _, err := s.open()
	if err != nil {
		return nil, err
	}
	f.Close()
	s.task, err = chooseTask(c, "dsprites")
	return s, err
}

func (s *sprites) describe(r *Record) {
	if s.archive == nil {
		r.Kind, r.Sources = "dSprites HDF5 file", []SourceFile{{Name: filepath.Base(s.path)}}
		return
	}
	r.Kind = "dSprites npz"
	r.Sources = sourceFiles(s.archive, spriteFile)
}

func (s *sprites) plan(_ context.Context, c Config, r *Record) (plan, error) {
	return official(c, s.task, map[string]int{"train": spriteRows}, r, map[string][]int{"train": order.Rows("train", spriteRows)})
}

// open opens the array of the HDF5 file.
func (s *sprites) open() (f *os.File, d *hdf5.Dataset, err error) {
	if f, err = limit.Open(s.path); err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil {
		var h *hdf5.File
		if h, err = hdf5.Open(f, info.Size()); err == nil {
			d, err = h.Dataset(spriteArray)
		}
	}
	if want := []int{spriteRows, spriteSide, spriteSide}; err == nil && (d.Type.Bytes != 1 || !slices.Equal(d.Shape, want)) {
		err = fmt.Errorf("array %s has the shape %v and values of %d bytes, dSprites has %v and bytes: it is another file", spriteArray, d.Shape, d.Type.Bytes, want)
	}
	if err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("%s: %w", s.path, err)
	}
	return f, d, nil
}

// label returns the class of a row: 32 x positions in pairs, or 40 orientations in 16 classes of two or three.
func (s *sprites) label(row int) int {
	if s.task == "dsprites_loc" {
		return row / 32 % 32 * 16 / 32
	}
	return row / 1024 % 40 * 16 / 40
}

func (s *sprites) extract(ctx context.Context, put sink) error {
	if s.archive == nil {
		return s.extractHDF5(ctx, put)
	}
	return s.archive.Walk(ctx, func(e archive.Entry, r io.Reader) error {
		if e.Name != spriteFile {
			return nil
		}
		descr, fortran, shape, err := weight.ReadNPYHeader(r)
		if err != nil {
			return err
		}
		if len(shape) != 3 || shape[1] != spriteSide || shape[2] != spriteSide || descr != "|u1" || fortran {
			return fmt.Errorf("the array is of type %s and shape %v, want bytes (|u1) of shape (%d, 64, 64) in C order", descr, shape, spriteRows)
		}
		if shape[0] != spriteRows {
			return fmt.Errorf("it holds %d images, dSprites has %d", shape[0], spriteRows)
		}
		pixels := make([]byte, spriteSide*spriteSide)
		for row := range spriteRows {
			_, err := io.ReadFull(r, pixels)
			if err == nil {
				err = put(ref{"train", row}, func() (picture, error) { return s.picture(row, pixels) })
			}
			if err != nil {
				return fmt.Errorf("image %d: %w", row, err)
			}
		}
		// Reading to the end compares the member's checksum.
		if n, err := io.Copy(io.Discard, r); err != nil || n > 0 {
			return errors.Join(err, fmt.Errorf("%d bytes follow the last image", n))
		}
		return nil
	})
}

// extractHDF5 reads the rows in ascending order, which unpacks few of them at a time.
func (s *sprites) extractHDF5(ctx context.Context, put sink) error {
	f, d, err := s.open()
	if err != nil {
		return err
	}
	defer f.Close()
	pixels := make([]byte, spriteSide*spriteSide)
	for row := range spriteRows {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := put(ref{"train", row}, func() (picture, error) {
			if err := d.ReadRow(row, pixels); err != nil {
				return picture{}, err
			}
			return s.picture(row, pixels)
		})
		if err != nil {
			return fmt.Errorf("%s: image %d: %w", s.path, row, err)
		}
	}
	return nil
}

func (s *sprites) picture(row int, pixels []byte) (picture, error) {
	encoded, err := encodeSprite(pixels)
	return picture{encoded: encoded, label: s.label(row), name: "row " + strconv.Itoa(row)}, err
}

// encodeSprite makes a PNG of the grey levels 0 and 255.
func encodeSprite(pixels []byte) ([]byte, error) {
	img := image.NewGray(image.Rect(0, 0, spriteSide, spriteSide))
	for i, v := range pixels {
		if v > 1 {
			return nil, fmt.Errorf("a pixel is %d, the images of dSprites consist of 0 and 1", v)
		}
		img.Pix[i] = 255 * v
	}
	return encode(img)
}

// pngEncoder reuses its buffers: a compressor takes longer to make than a small image to compress.
var pngEncoder = png.Encoder{BufferPool: &pngBuffers{}}

type pngBuffers struct{ pool sync.Pool }

// Get implements png.EncoderBufferPool.
func (b *pngBuffers) Get() *png.EncoderBuffer {
	buffer, _ := b.pool.Get().(*png.EncoderBuffer)
	return buffer
}

// Put implements png.EncoderBufferPool.
func (b *pngBuffers) Put(buffer *png.EncoderBuffer) { b.pool.Put(buffer) }

func encode(img image.Image) ([]byte, error) {
	var b bytes.Buffer
	err := pngEncoder.Encode(&b, img)
	return b.Bytes(), err
}

// brighten converts TFDS's images of dSprites, PNGs with the grey levels 0 and 1, to the levels 0 and 255 that VTAB uses.
func brighten(encoded []byte) ([]byte, error) {
	img, err := png.Decode(bytes.NewReader(encoded))
	if err != nil {
		return nil, err
	}
	if img.Bounds() != image.Rect(0, 0, spriteSide, spriteSide) {
		return nil, fmt.Errorf("the image is of size %v, not 64 x 64", img.Bounds().Size())
	}
	pixels := make([]byte, 0, spriteSide*spriteSide)
	for y := range spriteSide {
		for x := range spriteSide {
			pixels = append(pixels, color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y)
		}
	}
	return encodeSprite(pixels)
}
