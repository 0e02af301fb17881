package prepare

import (
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"dtl-tf/runner/prepare/archive"
)

// rawFiles are the files of an author set that are no archives, but arrays of all images or labels. Gzipped ones may lie unpacked.
type rawFiles struct {
	set    *authorSet
	folder string            // that --from is, or that has the file that --from is
	names  map[string]string // relative to folder, by published name
}

// rawSetOf returns the set with a file of this name that is no archive, nil if there is none.
func rawSetOf(name string) *authorSet {
	for _, s := range authorSets() {
		if s.raw && s.publishedName(name) != "" {
			return s
		}
	}
	return nil
}

// publishedName returns the published name of a file that may be unpacked, "" if it is not one of the set's.
func (s *authorSet) publishedName(name string) string {
	for _, f := range s.files {
		if name == f.name || s.raw && name == strings.TrimSuffix(f.name, ".gz") {
			return f.name
		}
	}
	return ""
}

// openRaw opens the set of which --from is one file, whose other files lie beside it. It returns nil if there is none.
func openRaw(ctx context.Context, c Config) (source, error) {
	set := rawSetOf(filepath.Base(c.From))
	if info, err := os.Stat(c.From); err != nil || info.IsDir() || set == nil {
		return nil, nil
	}
	task, err := chooseTask(c, set.dataset)
	if err != nil {
		return nil, err
	}
	return set.openAs(ctx, c, task)
}

// findRaw finds the files of a set at any depth of a folder, or beside a file. All of them are needed.
func findRaw(ctx context.Context, from string, set *authorSet) (*rawFiles, error) {
	f := &rawFiles{set: set, folder: from, names: map[string]string{}}
	info, err := os.Stat(from)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		folder, openErr := archive.Open(from)
		if openErr != nil {
			return nil, openErr
		}
		err = folder.Walk(ctx, func(e archive.Entry, _ io.Reader) error { return f.add(e.Name) })
	} else {
		if set.publishedName(filepath.Base(from)) == "" {
			return nil, fmt.Errorf("%s: the files of %s are not read in an archive: unpack it and give the folder", from, set.title)
		}
		f.folder = filepath.Dir(from)
		err = f.addSiblings()
	}
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, p := range set.files {
		if f.names[p.name] == "" {
			missing = append(missing, p.String())
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("%s: files of %s are missing: %s", f.folder, set.title, strings.Join(missing, ", "))
	}
	return f, nil
}

// addSiblings looks into the folder itself only.
func (f *rawFiles) addSiblings() error {
	entries, err := os.ReadDir(f.folder)
	for _, e := range entries {
		if err == nil && !e.IsDir() {
			err = f.add(e.Name())
		}
	}
	return err
}

// add notes where a file of the set lies. If it is there packed and unpacked, the packed one counts, which has a checksum.
func (f *rawFiles) add(name string) error {
	published := f.set.publishedName(path.Base(name))
	before := f.names[published]
	switch {
	case published == "":
		return nil
	case path.Base(before) == path.Base(name):
		return fmt.Errorf("%s: %s lies in %s too: keep one of them", f.folder, name, path.Dir(before))
	case before == "" || path.Base(name) == published:
		f.names[published] = name
	}
	return nil
}

func (f *rawFiles) path(name string) string {
	return filepath.Join(f.folder, filepath.FromSlash(f.names[name]))
}

func (f *rawFiles) describe(r *Record) {
	r.Kind, r.published = f.set.title, f.set.files
	for _, p := range f.set.files {
		name := f.names[p.name]
		r.Sources = append(r.Sources, SourceFile{Name: name})
		if path.Base(name) != p.name {
			r.remark("%s has no published checksum, only %s has", path.Base(name), p.name)
		}
	}
}

// checkCount rejects a file with another number of records than its split has.
func (f *rawFiles) checkCount(split, file string, n int) error {
	want := published(f.set.dataset)
	if n == want[split] {
		return nil
	}
	for other, count := range want {
		if count == n && other != split {
			return fmt.Errorf("%s holds %d records, which is the number of the split %s, not of %s: was the file renamed?", f.path(file), n, other, split)
		}
	}
	return fmt.Errorf("%s holds %d records, the split %s of %s has %d: it is another file, or not complete", f.path(file), n, split, f.set.title, want[split])
}
