package prepare

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"strconv"

	"dtl-tf/runner/prepare/matlab"
	"dtl-tf/runner/prepare/order"
)

// svhn is the cropped form of Street View House Numbers (Netzer et al. 2011). Each file has the images X [32, 32, 3, N] and their digits
// y [N, 1], in which 10 is the digit 0. The key of an image in TFDS is its index. The file extra_32x32.mat is not used.
type svhn struct {
	*rawFiles
	rowKeys
	task   string
	labels map[string][]int // by split
}

const (
	svhnTrain = "train_32x32.mat"
	svhnTest  = "test_32x32.mat"

	svhnSide  = 32
	svhnImage = svhnSide * svhnSide * 3
	maxSVHN   = 1 << 20 // images of a file
)

var svhnSet = &authorSet{
	dataset: "svhn_cropped",
	title:   "SVHN's cropped digits",
	files: []authorFile{
		{svhnTrain, 182040794, "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8"},
		{svhnTest, 64275384, "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b"},
	},
	raw: true,
	open: func(ctx context.Context, c Config, set *authorSet, task string) (source, error) {
		files, err := findRaw(ctx, c.From, set)
		return &svhn{rawFiles: files, task: task, labels: map[string][]int{}}, err
	},
}

// svhnFiles has the file of each split.
var svhnFiles = []struct{ split, file string }{{"train", svhnTrain}, {"test", svhnTest}}

// plan reads the labels and compares their number with that of the images.
func (s *svhn) plan(ctx context.Context, c Config, r *Record) (plan, error) {
	counts, rows := map[string]int{}, map[string][]int{}
	for _, f := range svhnFiles {
		images, labels := -1, []int(nil)
		err := s.walk(ctx, f.file, func(a *matlab.Array) (err error) {
			switch a.Name {
			case "X":
				images, err = svhnImages(a)
			case "y":
				labels, err = a.Ints(maxSVHN)
			}
			return err
		})
		if err == nil {
			err = s.checkLabels(f.file, images, labels)
		}
		if err == nil {
			err = s.checkCount(f.split, f.file, images)
		}
		if err != nil {
			return plan{}, err
		}
		s.labels[f.split], counts[f.split], rows[f.split] = labels, images, order.Rows(f.split, images)
	}
	for digit := range 10 {
		r.ClassNames = append(r.ClassNames, strconv.Itoa(digit))
	}
	return official(c, s.task, counts, r, rows)
}

// checkLabels checks and changes the labels: 10 is the digit 0.
func (s *svhn) checkLabels(file string, images int, labels []int) error {
	if images < 0 || labels == nil {
		return fmt.Errorf("%s: it lacks the variable X or y: it is not SVHN's %s", s.path(file), file)
	}
	if len(labels) != images {
		return fmt.Errorf("%s: it has %d images and %d labels", s.path(file), images, len(labels))
	}
	for i, label := range labels {
		if label < 0 || label > 10 {
			return fmt.Errorf("%s: label %d is %d, want 1 to 10", s.path(file), i, label)
		}
		labels[i] = label % 10
	}
	return nil
}

// svhnImages returns how many images an array has.
func svhnImages(a *matlab.Array) (int, error) {
	if err := a.Bytes(svhnSide, svhnSide, 3, -1); err != nil {
		return 0, err
	}
	return a.Shape[3], nil
}

func (s *svhn) walk(ctx context.Context, file string, visit func(*matlab.Array) error) error {
	f, err := openStream(ctx, s.path(file))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := matlab.Walk(f, visit); err != nil {
		return fmt.Errorf("%s: %w", s.path(file), err)
	}
	return nil
}

func (s *svhn) extract(ctx context.Context, put sink) error {
	for _, f := range svhnFiles {
		err := s.walk(ctx, f.file, func(a *matlab.Array) error {
			if a.Name != "X" {
				return nil
			}
			n, err := svhnImages(a)
			if err == nil && n != len(s.labels[f.split]) {
				err = errors.New("the file changed while it was read")
			}
			values := make([]byte, svhnImage)
			for row := 0; err == nil && row < n; row++ {
				if _, err = io.ReadFull(a, values); err != nil {
					break
				}
				err = put(ref{f.split, row}, func() (picture, error) {
					encoded, err := encodeColumns(values)
					return picture{encoded: encoded, label: s.labels[f.split][row], name: f.file + " row " + strconv.Itoa(row)}, err
				})
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// encodeColumns makes a PNG of values [32, 32, 3] of which the row varies fastest, then the column, then the channel.
func encodeColumns(values []byte) ([]byte, error) {
	img := image.NewNRGBA(image.Rect(0, 0, svhnSide, svhnSide)) // written as RGB because all pixels are opaque
	for y := range svhnSide {
		for x := range svhnSide {
			at := y + svhnSide*x
			copy(img.Pix[img.PixOffset(x, y):], []byte{values[at], values[at+svhnSide*svhnSide], values[at+2*svhnSide*svhnSide], 255})
		}
	}
	return encode(img)
}
