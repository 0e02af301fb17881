package prepare

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"slices"
	"strconv"

	"dtl-tf/runner/prepare/hdf5"
	"dtl-tf/runner/prepare/order"
)

// camelyon is PatchCamelyon (Veeling et al. 2018). Each split has two HDF5 files: the images x [N, 96, 96, 3] and the labels
// y [N, 1, 1, 1], 1 for tumour tissue. The key of an image in TFDS is the authors' name of its split and its row.
type camelyon struct {
	*rawFiles
	config Config
	labels map[string][]int // by split
}

const (
	patchSide  = 96
	patchBytes = patchSide * patchSide * 3

	maxPatches    = 1 << 20  // of a split
	maxLabelBytes = 64 << 20 // of a file of labels, unpacked
	hdf5Overhead  = 64 << 20 // of a file of images, unpacked: indices of chunks
	hdf5Magic     = "\x89HDF\r\n\x1a\n"
)

// camelyonFiles has the files of each split, which the authors call name.
var camelyonFiles = []struct{ split, name, x, y string }{
	{"train", "train", camelyonFile("train", "x"), camelyonFile("train", "y")},
	{"validation", "valid", camelyonFile("valid", "x"), camelyonFile("valid", "y")},
	{"test", "test", camelyonFile("test", "x"), camelyonFile("test", "y")},
}

func camelyonFile(name, array string) string {
	return "camelyonpatch_level_2_split_" + name + "_" + array + ".h5.gz"
}

var camelyonSet = &authorSet{
	dataset: "patch_camelyon",
	title:   "PatchCamelyon",
	files: []authorFile{
		{camelyonFile("train", "x"), 6421353462, "d619e741468a7ab35c7e4a75e6821b7e7e6c9411705d45708f2a0efc8960656c"},
		{camelyonFile("train", "y"), 21378, "b74126d2c01b20d3661f9b46765d29cf4e4fba6faba29c8e0d09d406331ab75a"},
		{camelyonFile("valid", "x"), 805965320, "f82ee1670d027b4ec388048d9eabc2186b77c009655dae76d624c0ecb053ccb2"},
		{camelyonFile("valid", "y"), 3038, "ce1ae30f08feb468447971cfd0472e7becd0ad96d877c64120c72571439ae48c"},
		{camelyonFile("test", "x"), 800875929, "79174c2201ad521602a5888be8f36ee10875f37403dd3f2086caf2182ef87245"},
		{camelyonFile("test", "y"), 3040, "0a522005fccc8bbd04c5a117bfaf81d8da2676f03a29d7499f71d0a0bd6068ef"},
	},
	raw: true,
	open: func(ctx context.Context, c Config, set *authorSet, _ string) (source, error) {
		files, err := findRaw(ctx, c.From, set)
		return &camelyon{rawFiles: files, config: c, labels: map[string][]int{}}, err
	},
}

// plan reads the labels. The images, which take long to unpack, are compared with their number when they are read.
func (s *camelyon) plan(ctx context.Context, c Config, r *Record) (plan, error) {
	counts, rows := map[string]int{}, map[string][]int{}
	for _, f := range camelyonFiles {
		labels, err := s.readLabels(ctx, f.y)
		if err != nil {
			return plan{}, fmt.Errorf("%s: %w", s.path(f.y), err)
		}
		if err := s.checkCount(f.split, f.y, len(labels)); err != nil {
			return plan{}, err
		}
		keys := make([]string, len(labels))
		for i := range keys {
			keys[i] = s.key(ref{f.split, i})
		}
		s.labels[f.split], counts[f.split] = labels, len(labels)
		if rows[f.split], err = order.Keys(f.split, keys); err != nil {
			return plan{}, err
		}
	}
	return official(c, "patch_camelyon", counts, r, rows)
}

// key implements keyed.
func (s *camelyon) key(at ref) string {
	name := at.split
	if name == "validation" {
		name = "valid"
	}
	return name + "_" + strconv.Itoa(at.index)
}

// readLabels reads a small file into memory.
func (s *camelyon) readLabels(ctx context.Context, file string) ([]int, error) {
	f, err := openStream(ctx, s.path(file))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxLabelBytes+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > maxLabelBytes {
		return nil, fmt.Errorf("it has more than %d bytes: it is another file than its name says", maxLabelBytes)
	}
	h, err := hdf5.Open(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return nil, err
	}
	y, err := h.Dataset("y")
	if err != nil {
		return nil, err
	}
	if y.RowBytes() != y.Type.Bytes {
		return nil, fmt.Errorf("array y has the shape %v, want a number for each image", y.Shape)
	}
	labels, err := y.Ints(maxPatches)
	if i := slices.IndexFunc(labels, func(l int) bool { return l != 0 && l != 1 }); err == nil && i >= 0 {
		err = fmt.Errorf("label %d is %d, want 0 or 1", i, labels[i])
	}
	return labels, err
}

func (s *camelyon) extract(ctx context.Context, put sink) error {
	for _, f := range slices.Backward(camelyonFiles) { // the smaller files first: if one is wrong, it is found sooner
		if err := s.extractSplit(ctx, f.split, f.x, put); err != nil {
			return err
		}
	}
	return nil
}

func (s *camelyon) extractSplit(ctx context.Context, split, file string, put sink) error {
	labels := s.labels[split]
	u, err := openUnpacked(ctx, s.config, s.path(file), hdf5Magic, int64(len(labels))*patchBytes*11/10+hdf5Overhead)
	if err != nil {
		return err
	}
	defer u.Close()
	if err := s.images(ctx, u, split, put); err != nil {
		return fmt.Errorf("%s: %w", s.path(file), err)
	}
	return nil
}

// images passes the rows of x.
func (s *camelyon) images(ctx context.Context, u *unpacked, split string, put sink) error {
	h, err := hdf5.Open(u, u.size)
	if err != nil {
		return err
	}
	x, err := h.Dataset("x")
	if err != nil {
		return err
	}
	labels := s.labels[split]
	if want := []int{len(labels), patchSide, patchSide, 3}; x.Type.Bytes != 1 || !slices.Equal(x.Shape, want) {
		return fmt.Errorf("array x has the shape %v and values of %d bytes, want %v and bytes: it is another file, or not complete", x.Shape, x.Type.Bytes, want)
	}
	pixels := make([]byte, patchBytes)
	for row, label := range labels {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := put(ref{split, row}, func() (picture, error) {
			if err := x.ReadRow(row, pixels); err != nil {
				return picture{}, err
			}
			encoded, err := encodePixels(pixels, patchSide, patchSide)
			return picture{encoded: encoded, label: label, name: split + " row " + strconv.Itoa(row)}, err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// encodePixels makes a PNG of pixels [H, W, 3].
func encodePixels(pixels []byte, height, width int) ([]byte, error) {
	if len(pixels) != 3*height*width {
		return nil, errors.New("the pixels do not fill the image")
	}
	img := image.NewNRGBA(image.Rect(0, 0, width, height)) // written as RGB because all pixels are opaque
	for i := range height * width {
		copy(img.Pix[4*i:4*i+3], pixels[3*i:])
		img.Pix[4*i+3] = 255
	}
	return encode(img)
}
