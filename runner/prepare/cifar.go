package prepare

import (
	"context"
	"fmt"
	"image"
	"io"
	"maps"
	"path"
	"slices"
	"strconv"

	"dtl-tf/runner/prepare/archive"
	"dtl-tf/runner/prepare/order"
)

// cifar is one of the archives of CIFAR-10 and CIFAR-100 (Krizhevsky 2009), packed or unpacked. Its files are batches of images.
// The key of an image in TFDS is its row, counted through the batches of a split.
type cifar struct {
	rowKeys
	archive *archive.Archive
	kind    cifarKind
	task    string
	batches map[string]*batch // by entry name
	meta    string            // entry name of the file with the classes' names
}

// cifarKind is one of the four archives.
type cifarKind struct {
	name    string
	dataset string
	train   []string // base names of the batches, in order
	test    string
	meta    string // file with the classes' names
	binary  bool
	labels  string // key of the labels in a pickle
	names   string // key of the classes' names in a pickle
	skip    int    // bytes before the label in a binary record: CIFAR-100's coarse label
}

var cifarKinds = []cifarKind{
	{name: "CIFAR-10 python archive", dataset: "cifar10", test: "test_batch", meta: "batches.meta", labels: "labels", names: "label_names",
		train: []string{"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5"}},
	{name: "CIFAR-10 binary archive", dataset: "cifar10", test: "test_batch.bin", meta: "batches.meta.txt", binary: true,
		train: []string{"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"}},
	{name: "CIFAR-100 python archive", dataset: "cifar100", test: "test", meta: "meta", labels: "fine_labels", names: "fine_label_names",
		train: []string{"train"}},
	{name: "CIFAR-100 binary archive", dataset: "cifar100", test: "test.bin", meta: "fine_label_names.txt", binary: true, skip: 1,
		train: []string{"train.bin"}},
}

// batch is a file of images.
type batch struct {
	split  string
	number int // in its split
	first  int // row of its first image in the split
	images int
}

func isCIFAR(name string) bool {
	base := path.Base(name)
	for _, k := range cifarKinds {
		// Files called "train", "test" and "meta" may lie beside class folders.
		if base == k.train[0] && (len(k.train) > 1 || k.binary || path.Base(path.Dir(name)) == "cifar-100-python") ||
			base == k.meta && base != "meta" {
			return true
		}
	}
	return name == "train" // --from is an unpacked cifar-100-python
}

func openCIFAR(c Config, a *archive.Archive, entries []archive.Entry) (source, error) {
	byBase := map[string]string{}
	for _, e := range entries {
		byBase[path.Base(e.Name)] = e.Name
	}
	i := slices.IndexFunc(cifarKinds, func(k cifarKind) bool { return byBase[k.train[0]] != "" || byBase[k.test] != "" })
	if i < 0 {
		return nil, fmt.Errorf("%s looks like an archive of CIFAR, but its batches are missing: it is not complete", a.Path)
	}
	s := &cifar{archive: a, kind: cifarKinds[i], batches: map[string]*batch{}}
	under := path.Dir(byBase[s.kind.train[0]])
	for i, base := range append(slices.Clone(s.kind.train), s.kind.test, s.kind.meta) {
		name := byBase[base]
		if name == "" {
			return nil, fmt.Errorf("%s: %s is missing from the %s: it is not complete", a.Path, base, s.kind.name)
		}
		if path.Dir(name) != under {
			return nil, fmt.Errorf("%s: %s does not lie in %s: it is not a %s", a.Path, name, under, s.kind.name)
		}
		switch base {
		case s.kind.meta:
			s.meta = name
		case s.kind.test:
			s.batches[name] = &batch{split: "test"}
		default:
			s.batches[name] = &batch{split: "train", number: i}
		}
	}
	var err error
	s.task, err = chooseTask(c, s.kind.dataset)
	return s, err
}

func (s *cifar) describe(r *Record) {
	r.Kind = s.kind.name
	r.Sources = sourceFiles(s.archive, append(slices.Collect(maps.Keys(s.batches)), s.meta)...)
}

// plan counts the images of each batch.
func (s *cifar) plan(ctx context.Context, c Config, r *Record) (plan, error) {
	err := s.archive.Walk(ctx, func(e archive.Entry, content io.Reader) (err error) {
		if e.Name == s.meta {
			r.ClassNames, err = s.kind.classNames(content, e.Size)
			return err
		}
		b, ok := s.batches[e.Name]
		if !ok {
			return nil
		}
		return s.kind.read(content, e.Size, func(int, int, []byte) error {
			b.images++
			return nil
		})
	})
	if err != nil {
		return plan{}, err
	}
	if want := tasks()[s.task].classes; len(r.ClassNames) != want {
		return plan{}, fmt.Errorf("%s: %s names %d classes, want %d", s.archive.Path, s.kind.meta, len(r.ClassNames), want)
	}
	counts := map[string]int{}
	for _, b := range slices.SortedFunc(maps.Values(s.batches), func(a, b *batch) int { return a.number - b.number }) {
		b.first = counts[b.split]
		counts[b.split] += b.images
	}
	return official(c, s.task, counts, r, map[string][]int{"train": order.Rows("train", counts["train"]), "test": order.Rows("test", counts["test"])})
}

func (s *cifar) extract(ctx context.Context, put sink) error {
	return s.archive.Walk(ctx, func(e archive.Entry, content io.Reader) error {
		b, ok := s.batches[e.Name]
		if !ok {
			return nil
		}
		return s.kind.read(content, e.Size, func(row, label int, planes []byte) error {
			return put(ref{b.split, b.first + row}, func() (picture, error) {
				encoded, err := encodePlanes(planes)
				return picture{encoded: encoded, label: label, name: path.Base(e.Name) + " row " + strconv.Itoa(row)}, err
			})
		})
	})
}

const (
	cifarSide  = 32
	cifarPlane = cifarSide * cifarSide
	cifarImage = 3 * cifarPlane
)

// encodePlanes makes a PNG of 1,024 red, 1,024 green and 1,024 blue values, each row by row.
func encodePlanes(planes []byte) ([]byte, error) {
	img := image.NewNRGBA(image.Rect(0, 0, cifarSide, cifarSide)) // written as RGB because all pixels are opaque
	for i := range cifarPlane {
		copy(img.Pix[4*i:], []byte{planes[i], planes[i+cifarPlane], planes[i+2*cifarPlane], 255})
	}
	return encode(img)
}
