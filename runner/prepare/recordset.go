package prepare

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"

	"dtl-tf/runner"
	"dtl-tf/runner/prepare/archive"
	"dtl-tf/runner/prepare/order"
)

// recordSet is an author set whose records follow from its files: lists, labels and encoded images.
type recordSet struct {
	config  Config
	set     *authorSet
	task    string
	rules   rules
	shelf   *shelf
	records map[string][]record // by TFDS split
}

// record is one image with its label.
type record struct {
	key   string // by which TFDS sorts
	label int
	image string // name of the file with the image, as the rules' canon gives it
}

// rules state what the files of an author set mean.
type rules interface {
	// canon returns the name of a file of the set without the folders above, "" for other files.
	canon(name string) string
	// file reads a file of the set in the first walk; images may be left unread.
	file(name string, size int64, r io.Reader) error
	// result returns the records and the names of the classes, nil if they have none, after the first walk. missing explains a
	// file that is not there.
	result(task string, missing func(what string) error) (records map[string][]record, classes []string, err error)
}

// converter is implemented by rules that change the content of an image.
type converter interface {
	convert(raster) ([]byte, error)
	// pixels says in the record what was done.
	pixels() string
}

// container is implemented by rules whose files hold several images.
type container interface {
	// each passes the images of a file to put, under their names in the records.
	each(name string, r io.Reader, put func(image string, content []byte) error) error
}

// counter is implemented by rules whose splits vary in size, in place of the published numbers.
type counter interface{ counts() map[string]int }

// excerpt is implemented by rules that know only the first records of the splits; whole has the sizes of the splits.
type excerpt interface{ whole() map[string]int }

// remarker is implemented by rules that have something to say in the record.
type remarker interface{ remarks(r *Record) }

// openRecords makes the open function of a set with rules.
func openRecords(start func() rules) func(context.Context, Config, *authorSet, string) (source, error) {
	return func(ctx context.Context, c Config, set *authorSet, task string) (source, error) {
		s, err := openShelf(ctx, c.From, set)
		if err != nil {
			return nil, err
		}
		return &recordSet{config: c, set: set, task: task, rules: start(), shelf: s}, nil
	}
}

func (s *recordSet) describe(r *Record) {
	r.Kind = s.set.title
	r.published = s.set.files
}

// plan reads lists and labels, checks that the set is complete, and chooses.
func (s *recordSet) plan(ctx context.Context, c Config, r *Record) (plan, error) {
	images := map[string]bool{}
	err := s.shelf.walk(ctx, s.rules.canon, func(name string, e archive.Entry, content io.Reader) error {
		images[name] = true
		return s.rules.file(name, e.Size, content)
	})
	if err != nil {
		return plan{}, err
	}
	s.records, r.ClassNames, err = s.rules.result(s.task, func(what string) error { return s.shelf.missing(s.set, what) })
	if err != nil {
		return plan{}, err
	}
	r.Sources = s.shelf.sources()
	_, inFiles := s.rules.(container)
	wants := published(s.set.dataset)
	if x, ok := s.rules.(counter); ok {
		wants = x.counts()
	}
	counts, rows := map[string]int{}, map[string][]int{}
	for _, split := range slices.Sorted(maps.Keys(s.records)) {
		list := s.records[split]
		counts[split] = len(list)
		if want := wants[split]; len(list) != want {
			return plan{}, fmt.Errorf("%s: split %s has %d images, %s has %d: the source is not complete, or is another data set", c.From, split, len(list), s.set.title, want)
		}
		keys := make([]string, len(list))
		for i, rec := range list {
			keys[i] = rec.key
			if !inFiles && !images[rec.image] {
				return plan{}, s.shelf.missing(s.set, rec.image)
			}
		}
		if rows[split], err = order.Keys(split, keys); err != nil {
			return plan{}, fmt.Errorf("%s: %w", c.From, err)
		}
	}
	if x, ok := s.rules.(excerpt); ok {
		if c.Train > counts["train"] || c.Val > counts["validation"] {
			return plan{}, runner.Usagef("--train %d, --val %d: of %s only the first %d and %d images of VTAB-1k's lists are known", c.Train, c.Val, s.set.title, counts["train"], counts["validation"])
		}
		counts = x.whole()
	}
	p, err := official(c, s.task, counts, r, rows)
	if err != nil {
		return p, err
	}
	if x, ok := s.rules.(converter); ok {
		r.Pixels = x.pixels()
	}
	if x, ok := s.rules.(remarker); ok {
		x.remarks(r)
	}
	return p, nil
}

// published returns the numbers of records by split. Tests with small archives replace it.
var published = func(dataset string) map[string]int { return datasets()[dataset].counts }

func (s *recordSet) extract(ctx context.Context, put sink) error {
	refs := map[string]ref{}
	for split, list := range s.records {
		for i, rec := range list {
			refs[rec.image] = ref{split, i}
		}
	}
	one := func(image, name string, read func() ([]byte, error)) error {
		at, ok := refs[image]
		if !ok {
			return nil
		}
		return put(at, func() (img picture, err error) {
			img = picture{label: s.records[at.split][at.index].label, name: name}
			if img.encoded, err = read(); err != nil {
				return img, err
			}
			if x, ok := s.rules.(converter); ok {
				img.convert = x.convert
			}
			return img, nil
		})
	}
	return s.shelf.walk(ctx, s.rules.canon, func(name string, e archive.Entry, r io.Reader) error {
		if x, ok := s.rules.(container); ok {
			return x.each(name, r, func(image string, content []byte) error {
				return one(image, image, func() ([]byte, error) { return content, nil })
			})
		}
		return one(name, e.Name, func() ([]byte, error) { return readImage(r, e.Size) })
	})
}

// maxTrusted is how much memory is taken for an image because an archive claims its size, which few photographs exceed. Growing a
// buffer step by step would take several times the size.
const maxTrusted = 16 << 20

// readImage reads an encoded image of a known size.
func readImage(r io.Reader, size int64) (content []byte, err error) {
	if size <= maxImageBytes {
		var b bytes.Buffer
		b.Grow(int(min(size, maxTrusted)) + bytes.MinRead)
		_, err = b.ReadFrom(io.LimitReader(r, maxImageBytes+1))
		content = b.Bytes()
	}
	if n := max(size, int64(len(content))); err == nil && n > maxImageBytes {
		err = fmt.Errorf("%d bytes are too many for an image, %d is the limit", n, maxImageBytes)
	}
	return content, err
}

// maxTable is the largest list or file of labels in bytes, of which the largest real one has a sixth.
const maxTable = 8 << 20

// readText reads a list or a file of labels.
func readText(r io.Reader, size int64) (string, error) {
	if size > maxTable {
		return "", fmt.Errorf("%d bytes are too many for a list or for labels, %d is the limit", size, maxTable)
	}
	content, err := io.ReadAll(io.LimitReader(r, maxTable+1))
	return string(content), err
}

// texts collects the text files of a set by name.
type texts map[string]string

// file reads a file if its name is that of a text file.
func (t texts) file(name string, size int64, r io.Reader) (err error) {
	switch path.Ext(name) {
	case ".txt", ".csv":
		t[name], err = readText(r, size)
	}
	return err
}

// key implements keyed.
func (s *recordSet) key(at ref) string { return s.records[at.split][at.index].key }
