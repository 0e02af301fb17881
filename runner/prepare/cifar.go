package prepare

import (
	"context"
	"fmt"
	"image"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"dtl-tf/runner/prepare/archive"
	"dtl-tf/runner/prepare/order"
)

// cifar is one of the archives of CIFAR-10 and CIFAR-100 (Krizhevsky 2009), packed or unpacked. Its files are batches of
// images; a training image's key in TFDS is its row, counted through the batches.
type cifar struct {
	archive *archive.Archive
	kind    cifarKind
	task    string
	files   map[string]batchFile // by entry name
	names   []string             // of the classes
	rows    map[string][]int     // number of images by file, in order of the split's files: cumulated
}

// cifarKind is one of the four archives.
type cifarKind struct {
	name    string
	dataset string
	train   []string // base names of the batches, in order
	test    string
	meta    string // file with the classes' names
	binary  bool
	labels  string // key of the labels in a pickle, or of the names
	skip    int    // bytes before the label in a binary record: CIFAR-100's coarse label
}

var cifarKinds = []cifarKind{
	{name: "CIFAR-10 python archive", dataset: "cifar10", test: "test_batch", meta: "batches.meta", labels: "labels",
		train: []string{"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5"}},
	{name: "CIFAR-10 binary archive", dataset: "cifar10", test: "test_batch.bin", meta: "batches.meta.txt", binary: true,
		train: []string{"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"}},
	{name: "CIFAR-100 python archive", dataset: "cifar100", test: "test", meta: "meta", labels: "fine_labels", train: []string{"train"}},
	{name: "CIFAR-100 binary archive", dataset: "cifar100", test: "test.bin", meta: "fine_label_names.txt", binary: true, skip: 1,
		train: []string{"train.bin"}},
}

// batchFile is what a file of the archive holds.
type batchFile struct {
	split string
	at    int // among the split's files
}

func isCIFAR(name string) bool {
	base := path.Base(name)
	for _, k := range cifarKinds {
		// "train", "test" and "meta" would fit many a file; a file called so beside class folders is none of theirs.
		if base == k.train[0] && (len(k.train) > 1 || k.binary || path.Base(path.Dir(name)) == "cifar-100-python") ||
			base == k.meta && base != "meta" {
			return true
		}
	}
	return name == "train" // an unpacked cifar-100-python given as --from
}

func openCIFAR(c Config, a *archive.Archive, entries []archive.Entry) (source, error) {
	byBase := map[string]string{}
	for _, e := range entries {
		byBase[path.Base(e.Name)] = e.Name
	}
	for _, k := range cifarKinds {
		if byBase[k.train[0]] == "" && byBase[k.test] == "" {
			continue
		}
		s := &cifar{archive: a, kind: k, files: map[string]batchFile{}}
		under := ""
		for i, base := range append(slices.Clone(k.train), k.test, k.meta) {
			name := byBase[base]
			if name == "" {
				return nil, fmt.Errorf("%s: %s is missing from the %s: it is not complete", a.Path, base, k.name)
			}
			if i > 0 && path.Dir(name) != under {
				return nil, fmt.Errorf("%s: %s does not lie in %s: it is no %s", a.Path, name, under, k.name)
			}
			under = path.Dir(name)
			switch {
			case i < len(k.train):
				s.files[name] = batchFile{"train", i}
			case base == k.test:
				s.files[name] = batchFile{"test", 0}
			default:
				s.files[name] = batchFile{}
			}
		}
		var err error
		s.task, err = chooseTask(c, k.dataset)
		return s, err
	}
	return nil, fmt.Errorf("%s looks like an archive of CIFAR, but its batches are missing: it is not complete", a.Path)
}

func (s *cifar) describe(r *Record) {
	r.Kind = s.kind.name
	if s.archive.Kind != archive.Folder {
		r.Sources = []SourceFile{{Name: filepath.Base(s.archive.Path)}}
		return
	}
	for name := range s.files {
		r.Sources = append(r.Sources, SourceFile{Name: name})
	}
	slices.SortFunc(r.Sources, func(a, b SourceFile) int { return strings.Compare(a.Name, b.Name) })
}

// plan counts the images of each batch.
func (s *cifar) plan(ctx context.Context, c Config, r *Record) (plan, error) {
	sizes := map[string][]int{"train": make([]int, len(s.kind.train)), "test": make([]int, 1)}
	err := s.archive.Walk(ctx, func(e archive.Entry, content io.Reader) error {
		f, ok := s.files[e.Name]
		switch {
		case !ok:
			return nil
		case f.split == "":
			var err error
			s.names, err = s.kind.classNames(content, e.Size)
			return err
		}
		return s.kind.read(content, e.Size, func(int, int, []byte) error {
			sizes[f.split][f.at]++
			return nil
		})
	})
	if err != nil {
		return plan{}, err
	}
	if want := tasks()[s.task].classes; len(s.names) != want {
		return plan{}, fmt.Errorf("%s: %s names %d classes, want %d", s.archive.Path, s.kind.meta, len(s.names), want)
	}
	r.ClassNames = s.names
	counts := map[string]int{}
	s.rows = map[string][]int{}
	for split, batches := range sizes {
		for _, n := range batches {
			s.rows[split] = append(s.rows[split], counts[split])
			counts[split] += n
		}
	}
	p, err := official(c, s.task, counts, r)
	rows := map[string][]int{"train": order.Rows("train", counts["train"]), "test": order.Rows("test", counts["test"])}
	for list := range p {
		for i, at := range p[list] {
			p[list][i].index = rows[at.split][at.index]
		}
	}
	return p, err
}

func (s *cifar) extract(ctx context.Context, p plan, put func(place, picture) error) error {
	wanted := p.wanted()
	return s.archive.Walk(ctx, func(e archive.Entry, content io.Reader) error {
		f, ok := s.files[e.Name]
		if !ok || f.split == "" {
			return nil
		}
		base := path.Base(e.Name)
		return s.kind.read(content, e.Size, func(row, label int, planes []byte) error {
			to, ok := wanted[f.split][s.rows[f.split][f.at]+row]
			if !ok {
				return nil
			}
			encoded, err := encodePlanes(planes)
			if err != nil {
				return err
			}
			return put(to, picture{encoded: encoded, label: label, name: base + " row " + strconv.Itoa(row)})
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
	img := image.NewNRGBA(image.Rect(0, 0, cifarSide, cifarSide)) // written as RGB, there being no transparency
	for i := range cifarPlane {
		copy(img.Pix[4*i:], []byte{planes[i], planes[i+cifarPlane], planes[i+2*cifarPlane], 255})
	}
	return encode(img)
}
