package prepare

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"dtl-tf/graph/spell"
	"dtl-tf/runner/result"
)

// maxImageBytes is the largest image file that is read.
const maxImageBytes = 256 << 20

// extension returns the extension that belongs to an image's first bytes, whatever its name says.
func extension(head []byte) (string, error) {
	for _, kind := range []struct{ magic, extension string }{
		{"\xff\xd8\xff", ".jpg"}, {"\x89PNG\r\n\x1a\n", ".png"}, {"GIF8", ".gif"}, {"BM", ".bmp"}, {"II*\x00", ".tif"}, {"MM\x00*", ".tif"},
	} {
		if bytes.HasPrefix(head, []byte(kind.magic)) {
			return kind.extension, nil
		}
	}
	if len(head) >= 12 && string(head[:4]) == "RIFF" && string(head[8:12]) == "WEBP" {
		return ".webp", nil
	}
	if len(head) == 0 {
		return "", errors.New("the image is empty")
	}
	return "", fmt.Errorf("neither JPEG, PNG, GIF, BMP, WebP nor TIFF: it begins with %q", head[:min(len(head), 12)])
}

// place is the position of an image in a list.
type place struct{ list, at int }

// entry is a line of a list.
type entry struct {
	name   string // images/train800/000000.jpg
	label  int
	source string
}

// writer puts the images of a plan into a folder.
type writer struct {
	folder  string
	link    bool
	classes int
	places  map[ref]place
	entries [lists][]entry
}

func newWriter(folder string, link bool, classes int, p plan) (*writer, error) {
	w := &writer{folder: folder, link: link, classes: classes, places: map[ref]place{}}
	for list, refs := range p {
		w.entries[list] = make([]entry, len(refs))
		for at, r := range refs {
			w.places[r] = place{list, at}
		}
		if err := os.MkdirAll(filepath.Join(folder, "images", listNames[list]), 0o777); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// put stores an image.
func (w *writer) put(to place, img picture) error {
	if img.label < 0 || img.label >= w.classes {
		return fmt.Errorf("label %d is out of range, %d classes have the labels 0 to %d", img.label, w.classes, w.classes-1)
	}
	link := w.link && img.path != ""
	head := img.encoded
	if link {
		var err error
		if head, err = headOf(img.path); err != nil {
			return err
		}
	}
	ext, err := extension(head)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("images/%s/%06d%s", listNames[to.list], to.at, ext)
	if w.entries[to.list][to.at].name != "" {
		return fmt.Errorf("%s is there twice", name)
	}
	w.entries[to.list][to.at] = entry{name, img.label, img.name}
	file := filepath.Join(w.folder, filepath.FromSlash(name))
	if !link {
		return os.WriteFile(file, img.encoded, 0o666)
	}
	target, err := filepath.EvalSymlinks(img.path) // not a link to a symbolic link
	if err != nil {
		return err
	}
	err = os.Link(target, file)
	if errors.Is(err, syscall.EXDEV) || errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EMLINK) {
		return fmt.Errorf("%w (hard links work only within one file system that has them: leave out --link)", err)
	}
	return err
}

func headOf(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, 16))
}

// sourcesFile has for each image its name in the source.
const sourcesFile = "sources.tsv"

// finish writes the lists, the classes' names and the sources of the images, and counts.
func (w *writer) finish(r *Record) error {
	r.Counts, r.ClassCounts = map[string]int{}, map[string][]int{}
	for list, entries := range w.entries {
		name := listNames[list]
		r.Counts[name], r.ClassCounts[name] = len(entries), make([]int, w.classes)
		for _, e := range entries {
			r.ClassCounts[name][e.label]++
		}
		if err := w.list(name, entries); err != nil {
			return err
		}
	}
	joint := slices.Concat(w.entries[train], w.entries[val])
	r.Counts["train800val200"] = len(joint)
	if err := w.list("train800val200", joint); err != nil {
		return err
	}
	if r.ClassNames != nil {
		err := w.write("classes.txt", func(to io.Writer) {
			for _, name := range r.ClassNames {
				fmt.Fprintln(to, spell.Line(name))
			}
		})
		if err != nil {
			return err
		}
	}
	return w.write(sourcesFile, func(to io.Writer) {
		for _, e := range slices.Concat(w.entries[:]...) {
			fmt.Fprintf(to, "%s\t%s\n", e.name, spell.Line(e.source))
		}
	})
}

func (w *writer) list(name string, entries []entry) error {
	return w.write(name+".txt", func(to io.Writer) {
		for _, e := range entries {
			fmt.Fprintf(to, "%s %d\n", e.name, e.label)
		}
	})
}

// write writes a text file. Errors of the buffered text stick until it is flushed.
func (w *writer) write(name string, text func(io.Writer)) error {
	return result.WriteFile(filepath.Join(w.folder, name), func(to io.Writer) error {
		text(to)
		return nil
	})
}
