package prepare

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"dtl-tf/graph/spell"
	"dtl-tf/runner"
	"dtl-tf/runner/data"
	"dtl-tf/runner/prepare/archive"
	"dtl-tf/runner/prepare/order"
)

// classFolders is a folder or an archive of CLASS/IMAGE, or of train/CLASS/IMAGE, test/CLASS/IMAGE and val/CLASS/IMAGE, below any
// common folders.
type classFolders struct {
	archive *archive.Archive
	classes []string            // by label, sorted by bytes
	splits  map[string][]member // without splits only train
	passed  data.Passed         // files that are no images
	unused  []string            // folders beside those of splits
}

// member is one image of a class folder.
type member struct {
	entry archive.Entry
	name  string // CLASS/IMAGE
	label int
}

func openFolders(a *archive.Archive, entries []archive.Entry) (source, error) {
	f := &classFolders{archive: a, splits: map[string][]member{}}
	var images []archive.Entry
	for _, e := range entries {
		if data.IsImageName(e.Name) {
			images = append(images, e)
		} else {
			f.passed.Add(e.Name)
		}
	}
	if i := slices.IndexFunc(entries, func(e archive.Entry) bool { return strings.EqualFold(path.Ext(e.Name), ".rar") }); i >= 0 && len(images) == 0 {
		return nil, fmt.Errorf("%s: %s is a RAR archive, which is not read: unpack it and give the folder", a.Path, entries[i].Name)
	}
	if i := slices.IndexFunc(entries, func(e archive.Entry) bool { return isArchiveName(e.Name) }); i >= 0 && len(images) == 0 {
		if a.Kind == archive.Folder {
			return nil, fmt.Errorf("%s holds no data set of a known name or form, but archives such as %s: give the archive itself, or name its task with --task", a.Path, entries[i].Name)
		}
		return nil, fmt.Errorf("%s holds archives such as %s, and archives in archives are not opened: unpack it and give the folder", a.Path, entries[i].Name)
	}
	if len(images) == 0 {
		return nil, fmt.Errorf("%s holds neither class folders with images, nor TFDS record files, nor CIFAR's or dSprites' data: its first file is %s", a.Path, entries[0].Name)
	}
	slices.SortFunc(images, func(a, b archive.Entry) int { return strings.Compare(a.Name, b.Name) })
	prefix := commonFolder(images)
	split, err := splitFolders(a.Path, images, prefix)
	if err != nil {
		return nil, err
	}
	for _, e := range images {
		parts := strings.Split(strings.TrimPrefix(e.Name, prefix), "/")
		in := "train"
		if split != nil {
			if in = split[parts[0]]; in == "" {
				f.unused = append(f.unused, prefix+parts[0])
				continue
			}
			parts = parts[1:]
		}
		if len(parts) < 2 {
			return nil, fmt.Errorf("%s, %s: this image is in no class folder: want CLASS/IMAGE, or train/CLASS/IMAGE and test/CLASS/IMAGE", a.Path, e.Name)
		}
		f.splits[in] = append(f.splits[in], member{entry: e, name: strings.Join(parts, "/")})
	}
	return f, f.label()
}

// commonFolder returns the deepest folder above the class folders that contains all images, with a slash.
func commonFolder(images []archive.Entry) string {
	prefix := ""
	for {
		first, rest, _ := strings.Cut(images[0].Name[len(prefix):], "/")
		if !strings.Contains(rest, "/") {
			return prefix
		}
		next := prefix + first + "/"
		for _, e := range images {
			if !strings.HasPrefix(e.Name, next) || !strings.Contains(e.Name[len(next):], "/") {
				return prefix
			}
		}
		prefix = next
	}
}

// splitFolders maps the first folders to splits. It returns nil if they are classes: if there is no train/, or train/ contains images
// instead of folders. Folders of other names beside splits have no entry. A folder of folders that seems to be a split of another
// name, such as Test, is an error.
func splitFolders(root string, images []archive.Entry, prefix string) (map[string]string, error) {
	found, like := map[string]string{}, map[string]string{}
	for _, e := range images {
		first, rest, _ := strings.Cut(e.Name[len(prefix):], "/")
		if !strings.Contains(rest, "/") {
			continue
		}
		if split := data.SplitOf(first); split != "" {
			found[first] = split
		} else if split := data.SplitLike(first); split != "" {
			like[first] = split
		}
	}
	for _, name := range slices.Sorted(maps.Keys(like)) {
		if found[data.Train] == "" {
			return nil, data.NoTrainError(root, prefix+name)
		}
		if !slices.Contains(slices.Collect(maps.Values(found)), like[name]) {
			return nil, data.LikeSplitError(root, prefix+name)
		}
	}
	if found[data.Train] == "" {
		return nil, nil
	}
	return found, nil
}

// label numbers the classes of the training images and labels all images.
func (f *classFolders) label() error {
	class := func(m member) string { return m.name[:strings.IndexByte(m.name, '/')] }
	for _, m := range f.splits["train"] {
		f.classes = append(f.classes, class(m))
	}
	slices.Sort(f.classes)
	f.classes = slices.Compact(f.classes)
	for _, name := range f.classes {
		if !utf8.ValidString(name) {
			return fmt.Errorf("%s: the class folder %q has a name that is not UTF-8, which JSON files can't hold: rename it", f.archive.Path, name)
		}
	}
	if len(f.classes) < 2 {
		return fmt.Errorf("%s has a single class folder, %q: there is nothing to classify", f.archive.Path, strings.Join(f.classes, ""))
	}
	for split, members := range f.splits {
		for i, m := range members {
			label, ok := slices.BinarySearch(f.classes, class(m))
			if !ok {
				return fmt.Errorf("%s, %s: class %q has no images to train on", f.archive.Path, m.entry.Name, class(m))
			}
			f.splits[split][i].label = label
		}
	}
	return nil
}

func (f *classFolders) describe(r *Record) {
	r.Kind = "class folders"
	r.Sources = sourceFiles(f.archive, filepath.Base(f.archive.Path))
	if f.archive.Kind == archive.Folder {
		h := sha256.New()
		for _, split := range []string{"train", "val", "test"} {
			for _, m := range f.splits[split] {
				r.Sources[0].Bytes += m.entry.Size
				fmt.Fprintf(h, "%d %s\n", m.entry.Size, m.entry.Name)
			}
		}
		r.Sources[0].SHA256 = hex.EncodeToString(h.Sum(nil))
	} else {
		r.Kind += " in a " + f.archive.Kind
	}
	r.Classes, r.ClassNames = len(f.classes), f.classes
	slices.Sort(f.unused)
	if unused := slices.Compact(f.unused); len(unused) > 0 {
		r.remark("not used, folders beside those of splits: %d (%s)", len(unused), spell.Few(unused, 5))
	}
	for _, note := range f.passed.Notes() {
		r.remark("%s", note)
	}
}

func (f *classFolders) plan(_ context.Context, c Config, r *Record) (plan, error) {
	name, explicit, err := taskOf(c)
	if err != nil {
		return plan{}, err
	}
	members := f.splits["train"]
	d := datasets()[tasks()[name].dataset]
	ordered := name == "eurosat" || name == "resisc45"
	switch {
	case explicit && !ordered:
		return plan{}, runner.Usagef("--task %s: class folders determine VTAB-1k's images only for eurosat and resisc45; "+
			"prepare it from TFDS record files, or leave out --task to draw images at random", name)
	case explicit && len(f.splits) > 1:
		return plan{}, runner.Usagef("--task %s: want one folder for each class, not train/ and test/", name)
	case ordered && !c.Seeded && (explicit || len(f.splits) == 1 && len(members) == d.counts["train"]):
		return f.official(c, name, r)
	}
	r.Options.Seed = &c.Seed
	if name != "" {
		r.remark("not VTAB-1k's images: they were drawn at random")
	}
	return f.draw(c)
}

// official chooses VTAB-1k's images of eurosat and resisc45, whose records have the keys CLASS_FILE since TFDS 4.2.
func (f *classFolders) official(c Config, name string, r *Record) (plan, error) {
	members := f.splits["train"]
	if name == "resisc45" {
		if err := f.checkRESISC(); err != nil {
			return plan{}, err
		}
	}
	if want := tasks()[name].classes; len(f.classes) != want {
		return plan{}, fmt.Errorf("%s has %d class folders, %s has %d", f.archive.Path, len(f.classes), name, want)
	}
	keys := make([]string, len(members))
	for i := range members {
		keys[i] = f.key(ref{"train", i})
	}
	rows, err := order.Keys("train", keys)
	if err != nil {
		return plan{}, fmt.Errorf("%s: %w", f.archive.Path, err)
	}
	return official(c, name, map[string]int{"train": len(members)}, r, map[string][]int{"train": rows})
}

// key implements keyed for eurosat and resisc45.
func (f *classFolders) key(at ref) string {
	m := f.splits[at.split][at.index]
	return f.classes[m.label] + "_" + path.Base(m.name)
}

func (f *classFolders) extract(ctx context.Context, put sink) error {
	refs := map[string]ref{}
	for split, members := range f.splits {
		for i, m := range members {
			refs[m.entry.Name] = ref{split, i}
		}
	}
	return f.archive.Walk(ctx, func(e archive.Entry, r io.Reader) error {
		at, ok := refs[e.Name]
		if !ok {
			return nil
		}
		return put(at, func() (img picture, err error) {
			img = picture{path: e.Path, label: f.splits[at.split][at.index].label, name: e.Name}
			img.encoded, err = readImage(r, e.Size)
			return img, err
		})
	})
}
