package prepare

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"dtl-tf/runner"
	"dtl-tf/runner/data"
	"dtl-tf/runner/prepare/archive"
)

// authorSet is a data set in the files that its authors publish.
type authorSet struct {
	dataset string // name in TFDS
	title   string // for people
	files   []authorFile
	// common are the names among files that archives of other data often have, too: they tell nothing where there are images.
	common []string
	either bool   // any of the files is the whole data set; otherwise all are needed
	inner  string // name of a .tar.gz in the archive that has the data, "" if there is none
	raw    bool   // the files are no archives: see rawFiles
	// mark recognises a name that only this set has, below any folders; nil if the published names are enough.
	mark func(name string) bool
	open func(ctx context.Context, c Config, set *authorSet, task string) (source, error)
}

// authorFile is a published file. Size and checksum are those that TFDS recorded; 0 and "" if it has none.
type authorFile struct {
	name   string
	bytes  int64
	sha256 string
}

func (f authorFile) String() string {
	if f.bytes == 0 {
		return f.name
	}
	return fmt.Sprintf("%s (%d bytes)", f.name, f.bytes)
}

// file returns the published file of a name, nil if there is none.
func (s *authorSet) file(name string) *authorFile {
	if i := slices.IndexFunc(s.files, func(f authorFile) bool { return f.name == name }); i >= 0 {
		return &s.files[i]
	}
	return nil
}

// list names the published files with their sizes.
func (s *authorSet) list() string {
	var all []string
	for _, f := range s.files {
		all = append(all, f.String())
	}
	return strings.Join(all, ", ")
}

// authorSets returns the known sets.
func authorSets() []*authorSet {
	return []*authorSet{
		dtdSet,
		petSet,
		clevrSet,
		kittiSet,
		dmlabSet,
		caltechSet,
		sunSet,
		retinaSet,
		camelyonSet,
		flowerSet,
		smallNORBSet,
		svhnSet,
	}
}

// authorOf returns the set for a task, nil if it has none.
func authorOf(task string) *authorSet {
	for _, s := range authorSets() {
		if task != "" && tasks()[task].dataset == s.dataset {
			return s
		}
	}
	return nil
}

// openByName opens a source without listing it first, which takes minutes for large archives: --task or --out and the archive's
// published name tell what it is.
func openByName(ctx context.Context, c Config, a *archive.Archive) (source, error) {
	task, explicit, err := taskOf(c)
	set := authorOf(task)
	if err != nil || set == nil || a.Kind == archive.Folder || !explicit && set.file(filepath.Base(c.From)) == nil {
		return nil, err
	}
	return set.openAs(ctx, c, task)
}

// openByContent recognises an author set by the names of its files.
func openByContent(ctx context.Context, c Config, entries []archive.Entry) (source, error) {
	task, explicit, err := taskOf(c)
	if err != nil {
		return nil, err
	}
	unpacked := slices.ContainsFunc(entries, func(e archive.Entry) bool { return data.IsImageName(e.Name) })
	var found []*authorSet
	for _, s := range authorSets() {
		if slices.ContainsFunc(entries, func(e archive.Entry) bool {
			published := s.publishedName(path.Base(e.Name))
			return published != "" && !(unpacked && slices.Contains(s.common, published)) || s.mark != nil && s.mark(e.Name)
		}) {
			found = append(found, s)
		}
	}
	if set := authorOf(task); set != nil && (explicit || slices.Contains(found, set)) {
		return set.openAs(ctx, c, task)
	}
	switch {
	case len(found) == 0 || explicit:
		return nil, nil
	case c.Seeded && task == "": // a draw from class folders that happen to be those of a known data set
		return nil, nil
	case len(found) > 1:
		var names []string
		for _, s := range found {
			names = append(names, s.title)
		}
		return nil, runner.Usagef("--task is required: --from holds the data sets %s", strings.Join(names, " and "))
	}
	if task, err = chooseTask(c, found[0].dataset); err != nil {
		return nil, err
	}
	return found[0].openAs(ctx, c, task)
}

func (s *authorSet) openAs(ctx context.Context, c Config, task string) (source, error) {
	if c.Link {
		return nil, runner.Usagef("--link: only the images of class folders can be linked")
	}
	return s.open(ctx, c, s, task)
}

// below cuts off what precedes one of the folders in a name; "" if it is in none of them. Folders end with a slash.
func below(name string, folders ...string) string {
	for _, folder := range folders {
		if strings.HasPrefix(name, folder) {
			return name
		}
		if i := strings.Index(name, "/"+folder); i >= 0 {
			return name[i+1:]
		}
	}
	return ""
}
