package prepare

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"dtl-tf/graph/spell"
	"dtl-tf/runner/result"
)

// maxImage is the largest image file that is taken, in bytes.
const maxImage = 256 << 20

// extension tells by the first bytes what kind of image a file is; its name may say anything.
func extension(head []byte) (string, error) {
	for _, kind := range []struct{ magic, extension string }{
		{"\xff\xd8\xff", ".jpg"}, {"\x89PNG\r\n\x1a\n", ".png"}, {"GIF8", ".gif"}, {"BM", ".bmp"},
	} {
		if bytes.HasPrefix(head, []byte(kind.magic)) {
			return kind.extension, nil
		}
	}
	if len(head) == 0 {
		return "", errors.New("the image is empty")
	}
	return "", fmt.Errorf("neither JPEG, PNG, GIF nor BMP: it begins with %q", head[:min(len(head), 12)])
}

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
	entries [lists][]entry
}

func newWriter(folder string, link bool, p plan) (*writer, error) {
	w := &writer{folder: folder, link: link}
	for list, refs := range p {
		w.entries[list] = make([]entry, len(refs))
		if err := os.MkdirAll(filepath.Join(folder, "images", listNames[list]), 0o777); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// put stores one image.
func (w *writer) put(to place, img picture) error {
	head := img.encoded
	if w.link && img.path != "" {
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
	file := filepath.Join(w.folder, filepath.FromSlash(name))
	if w.link && img.path != "" {
		// The link's own file, not that of a symbolic link that leads to it.
		real, err := filepath.EvalSymlinks(img.path)
		if err != nil {
			return err
		}
		if err := os.Link(real, file); err != nil {
			if errors.Is(err, syscall.EXDEV) || errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EMLINK) {
				return fmt.Errorf("%w (hard links work only within one file system that has them: leave out --link)", err)
			}
			return err
		}
	} else if err := os.WriteFile(file, img.encoded, 0o666); err != nil {
		return err
	}
	if w.entries[to.list][to.at].name != "" {
		return fmt.Errorf("%s is there twice", name)
	}
	w.entries[to.list][to.at] = entry{name, img.label, img.name}
	return nil
}

func headOf(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, 16)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return head[:n], nil
}

// sourcesFile tells for each image what it is called in the source.
const sourcesFile = "sources.tsv"

// finish writes the lists, the classes' names and where each image comes from, and counts.
func (w *writer) finish(r *Record) error {
	r.Counts, r.ClassCounts = map[string]int{}, map[string][]int{}
	for list, entries := range w.entries {
		name := listNames[list]
		r.Counts[name], r.ClassCounts[name] = len(entries), make([]int, r.Classes)
		for at, e := range entries {
			if e.name == "" {
				return fmt.Errorf("image %d of %s did not turn up again: did the source change meanwhile?", at, name)
			}
			if e.label < 0 || e.label >= r.Classes {
				return fmt.Errorf("%s: label %d is out of range, %d classes have the labels 0 to %d", e.source, e.label, r.Classes, r.Classes-1)
			}
			r.ClassCounts[name][e.label]++
		}
		if err := w.list(name, entries); err != nil {
			return err
		}
	}
	r.Counts["train800val200"] = len(w.entries[train]) + len(w.entries[val])
	if err := w.list("train800val200", w.entries[train], w.entries[val]); err != nil {
		return err
	}
	if r.ClassNames != nil {
		if err := w.lines("classes.txt", func(w *bufio.Writer) {
			for _, name := range r.ClassNames {
				fmt.Fprintln(w, spell.Line(name))
			}
		}); err != nil {
			return err
		}
	}
	return w.lines(sourcesFile, func(to *bufio.Writer) {
		for _, entries := range w.entries {
			for _, e := range entries {
				fmt.Fprintf(to, "%s\t%s\n", e.name, spell.Line(e.source))
			}
		}
	})
}

func (w *writer) list(name string, parts ...[]entry) error {
	return w.lines(name+".txt", func(w *bufio.Writer) {
		for _, part := range parts {
			for _, e := range part {
				fmt.Fprintf(w, "%s %d\n", e.name, e.label)
			}
		}
	})
}

func (w *writer) lines(name string, write func(*bufio.Writer)) error {
	return result.WriteFile(filepath.Join(w.folder, name), func(to io.Writer) error {
		b := bufio.NewWriter(to)
		write(b)
		return b.Flush()
	})
}
