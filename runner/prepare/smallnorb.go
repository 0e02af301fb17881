package prepare

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"slices"
	"strconv"

	"dtl-tf/runner/prepare/norb"
	"dtl-tf/runner/prepare/order"
)

// smallNORB (LeCun, Huang and Bottou 2004) has pairs of grey images of toys, of which VTAB-1k uses the first, the left camera's. The
// dat file of a split holds the pairs [N, 2, 96, 96], the info file rows of instance, elevation (0 to 8), azimuth (0, 2, ..., 34) and
// lighting. The key of a pair in TFDS is its row. The cat files, the categories, are not needed.
type smallNORB struct {
	*rawFiles
	rowKeys
	task   string
	labels map[string][]int // by split
}

const (
	norbSide  = 96
	norbImage = norbSide * norbSide
	norbInfo  = 4 // numbers of a row of an info file
)

// norbFiles has the files of each split.
var norbFiles = []struct{ split, dat, info string }{
	{"train", "smallnorb-5x46789x9x18x6x2x96x96-training-dat.mat.gz", "smallnorb-5x46789x9x18x6x2x96x96-training-info.mat.gz"},
	{"test", "smallnorb-5x01235x9x18x6x2x96x96-testing-dat.mat.gz", "smallnorb-5x01235x9x18x6x2x96x96-testing-info.mat.gz"},
}

var smallNORBSet = &authorSet{
	dataset: "smallnorb",
	title:   "smallNORB",
	files: []authorFile{
		{norbFiles[0].dat, 131896188, "5ffd6272a07d32695ee1082a26a41a93a37aab8c28da047f8c34ed348d214873"},
		{norbFiles[0].info, 71052, "de7eb932ebe7a4ee16217fead60660d0eb3d23632c2f4d1c51f88c501c17bf32"},
		{norbFiles[1].dat, 130799817, "cf7104eed3e51174d2f65b66d1e5878b9da233b886f161b0d88f4510ba2c7474"},
		{norbFiles[1].info, 10428, "16adf314226327ee006d1a44db8cfef52773c06c829951d5653a9f6f310248a2"},
	},
	raw: true,
	open: func(ctx context.Context, c Config, set *authorSet, task string) (source, error) {
		files, err := findRaw(ctx, c.From, set)
		return &smallNORB{rawFiles: files, task: task, labels: map[string][]int{}}, err
	},
}

// plan reads the labels and the headers of the images.
func (s *smallNORB) plan(ctx context.Context, c Config, r *Record) (plan, error) {
	counts, rows := map[string]int{}, map[string][]int{}
	for _, f := range norbFiles {
		err := s.matrix(ctx, f.info, norb.Int32, []int{norbInfo}, func(stream *stream, n int) (err error) {
			if err := s.checkCount(f.split, f.info, n); err != nil {
				return err
			}
			s.labels[f.split], err = s.readLabels(stream, n)
			return err
		})
		if err != nil {
			return plan{}, err
		}
		err = s.matrix(ctx, f.dat, norb.Uint8, []int{2, norbSide, norbSide}, func(_ *stream, n int) error {
			return s.checkCount(f.split, f.dat, n)
		})
		if err != nil {
			return plan{}, err
		}
		n := len(s.labels[f.split])
		counts[f.split], rows[f.split] = n, order.Rows(f.split, n)
	}
	return official(c, s.task, counts, r, rows)
}

// readLabels reads an info file to its end.
func (s *smallNORB) readLabels(f *stream, n int) ([]int, error) {
	labels := make([]int, n)
	row := make([]int, norbInfo)
	for i := range labels {
		if err := norb.ReadInts(f, row); err != nil {
			return nil, err
		}
		elevation, azimuth := row[1], row[2]
		if elevation < 0 || elevation > 8 || azimuth < 0 || azimuth > 34 || azimuth%2 != 0 {
			return nil, fmt.Errorf("row %d has elevation %d and azimuth %d, want 0 to 8 and an even number from 0 to 34", i, elevation, azimuth)
		}
		labels[i] = elevation
		if s.task == "smallnorb_azi" {
			labels[i] = azimuth / 2
		}
	}
	return labels, f.ended()
}

// matrix opens a file, checks the type and all dimensions but the first, n, and passes the values.
func (s *smallNORB) matrix(ctx context.Context, file string, kind uint32, shape []int, values func(f *stream, n int) error) error {
	f, err := openStream(ctx, s.path(file))
	if err != nil {
		return err
	}
	defer f.Close()
	h, err := norb.ReadHeader(f)
	switch {
	case err != nil:
	case h.Type != kind || len(h.Shape) != len(shape)+1 || !slices.Equal(h.Shape[1:], shape):
		err = fmt.Errorf("it holds an array of shape %v, want [N, %s]: it is another file than its name says", h.Shape, dimensions(shape))
	default:
		err = values(f, h.Shape[0])
	}
	if err != nil {
		return fmt.Errorf("%s: %w", s.path(file), err)
	}
	return nil
}

func dimensions(shape []int) string {
	var b bytes.Buffer
	for i, n := range shape {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(strconv.Itoa(n))
	}
	return b.String()
}

func (s *smallNORB) extract(ctx context.Context, put sink) error {
	for _, files := range norbFiles {
		err := s.matrix(ctx, files.dat, norb.Uint8, []int{2, norbSide, norbSide}, func(f *stream, n int) error {
			pair := make([]byte, 2*norbImage)
			for row := range n {
				err := norb.ReadBytes(f, pair)
				if err == nil {
					err = put(ref{files.split, row}, func() (picture, error) {
						encoded, err := encode(&image.Gray{Pix: pair[:norbImage], Stride: norbSide, Rect: image.Rect(0, 0, norbSide, norbSide)})
						return picture{encoded: encoded, label: s.labels[files.split][row], name: files.split + " row " + strconv.Itoa(row)}, err
					})
				}
				if err != nil {
					return fmt.Errorf("row %d: %w", row, err)
				}
			}
			return f.ended()
		})
		if err != nil {
			return err
		}
	}
	return nil
}
