package data

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"dtl-tf/graph/spell"
	"dtl-tf/runner/internal/files"
)

// openFolders reads class folders. It returns nil if there are none. The classes are the folders of the first split in byte order
// of their names.
func openFolders(root string, classes int) (*Set, error) {
	l, err := layoutOf(root)
	if err != nil || len(l.splits) == 0 {
		return nil, err
	}
	s := &Set{Root: root, Layout: LayoutFolders, Notes: l.notes, splits: map[string][]Item{}}
	var passed Passed
	for _, f := range l.splits {
		if err := s.readSplit(f, &passed); err != nil {
			return nil, err
		}
	}
	if classes != 0 && classes != s.Classes {
		return nil, fmt.Errorf("data set %s has %d class folders, %d classes are wanted", root, s.Classes, classes)
	}
	s.splits[TrainVal] = s.splits[Train]
	s.Notes = append(s.Notes, passed.Notes()...)
	return s, nil
}

// readSplit adds the images of a split.
func (s *Set) readSplit(f splitFolder, passed *Passed) error {
	folder := filepath.Join(s.Root, f.folder)
	in, err := readFolder(folder)
	if err != nil {
		return err
	}
	if len(in.broken) > 0 {
		return brokenClass(folder, in.broken[0])
	}
	if err := checkClassNames(folder, in.folders); err != nil {
		return err
	}
	first := s.ClassNames == nil
	if first {
		if len(in.folders) == 0 {
			return fmt.Errorf("%s has no class folders: want %s/CLASS/IMAGE", folder, f.split)
		}
		s.ClassNames, s.Classes = in.folders, len(in.folders)
	}
	if len(in.images) > 0 {
		s.Notes = append(s.Notes, fmt.Sprintf("passed over, images of %s outside class folders: %d (%s)", folder, len(in.images), spell.Few(in.images, maxNames)))
	}
	for _, name := range in.hidden {
		passed.hidden = append(passed.hidden, filepath.Join(folder, name))
	}
	if f.folder != "" { // the data set's own folder usually holds a readme and a licence
		for _, name := range in.files {
			passed.Add(filepath.Join(folder, name))
		}
	}
	for _, name := range in.folders {
		class := filepath.Join(folder, name)
		label, known := slices.BinarySearch(s.ClassNames, name)
		if !known {
			return fmt.Errorf("class folder %s has no counterpart in %s%s", class, filepath.Join(s.Root, Train), SimilarClass(": ", name, s.ClassNames))
		}
		before := len(passed.unsupported)
		images, err := passed.ImagesBelow(class)
		if err != nil {
			return unreadable("read class folder", err)
		}
		if unread := passed.unsupported[before:]; first && len(images) == 0 && len(unread) > 0 {
			return fmt.Errorf("class folder %s has no image in a format that is read, and others: %d (%s): convert them to PNG or JPEG", class, len(unread), spell.Few(unread, maxNames))
		}
		if first && len(images) == 0 {
			return fmt.Errorf("class folder %s has no image (%s): fill or remove it", class, strings.Join(imageExtensions(), " "))
		}
		for _, image := range images {
			s.splits[f.split] = append(s.splits[f.split], Item{Path: image.Path, Name: path.Join(f.folder, name, image.Name), Label: label})
		}
	}
	return nil
}

// insteadOf says what a folder that is no data set holds, as the end of a message.
func insteadOf(root string) string {
	in, err := readFolder(root)
	switch {
	case err != nil:
		return ""
	case len(in.folders) == 1:
		return fmt.Sprintf(": there is one folder, %s, and with one class there is nothing to classify", quoted(in.folders[0]))
	case len(in.folders) == 0 && len(in.images) > 0:
		text := fmt.Sprintf(": it has no folders, but images itself: %d; ", len(in.images))
		if above := setAbove(root); above != "" {
			text += "if they are one class, use the folder above it, " + above + "; else "
		}
		return text + "put those of each class into a folder of its own, or list them in a table"
	case len(in.folders)+len(in.files)+len(in.broken)+len(in.hidden) == 0:
		return ": it is empty"
	case len(in.folders) == 0 && len(in.files) > 0:
		return fmt.Sprintf(": it has no folders and no images, but other files: %d (%s)", len(in.files), spell.Few(in.files, maxNames))
	}
	return ""
}

// setAbove is the folder of class folders that a class folder lies in: that of the splits if the folder above is a split.
func setAbove(class string) string {
	full, err := filepath.Abs(class)
	if err != nil {
		return ""
	}
	folders := []string{filepath.Dir(full)}
	if SplitLike(filepath.Base(folders[0])) != "" {
		folders = []string{filepath.Dir(folders[0]), folders[0]}
	}
	for _, folder := range folders {
		if l, err := layoutOf(folder); err == nil && len(l.splits) > 0 {
			return folder
		}
	}
	return ""
}

// layout says where the class folders of a data set are.
type layout struct {
	splits []splitFolder // in reading order
	notes  []string
}

// splitFolder is a folder of class folders, relative to the data set's.
type splitFolder struct{ split, folder string }

// valFolders lists the possible folders of the val split; the first that exists is read.
func valFolders() []string { return []string{Val, "valid", "validation"} }

// layoutOf recognises two layouts:
//
//	train/CLASS/*, test/CLASS/*, and val/, valid/ or validation/CLASS/*
//	CLASS/*, at least two of them: all images are for training
//
// A single folder with the name of a split that holds images, no folders, and lies next to folders of other names is a class, such
// as train next to bus and tram.
func layoutOf(root string) (l layout, err error) {
	top, err := readFolder(root)
	if err != nil {
		return l, err
	}
	var named, others []string
	for _, name := range top.folders {
		if SplitOf(name) != "" {
			named = append(named, name)
		} else {
			others = append(others, name)
		}
	}
	class := ""
	if len(named) == 1 && len(others) > 0 {
		in, err := readFolder(filepath.Join(root, named[0]))
		if err != nil {
			return l, err
		}
		if len(in.folders) == 0 && len(in.images) > 0 {
			class = named[0]
		}
	}
	if class == "" && (slices.Contains(named, Train) || slices.Contains(named, Test)) {
		return splitLayout(root, named, others)
	}
	if len(top.folders) < 2 {
		return l, nil
	}
	for _, name := range top.folders {
		if name != class && SplitLike(name) != "" {
			return l, NoTrainError(root, name)
		}
		if isDataSet(filepath.Join(root, name)) {
			return l, fmt.Errorf("%s is not a data set, but %s in it looks like one: use that folder", root, name)
		}
	}
	if len(top.broken) > 0 {
		return l, brokenClass(root, top.broken[0])
	}
	l.splits = []splitFolder{{Train, ""}}
	if class != "" {
		l.notes = []string{fmt.Sprintf("the folder %s holds images and no folders, so it is taken as a class next to %s", filepath.Join(root, class), spell.Few(others, maxNames))}
	}
	return l, nil
}

// splitLayout is the layout with train/, test/ and one of valFolders. A note names the other folders. One that seems to be a split that is
// not there, such as Test, is an error, as its images would not be used.
func splitLayout(root string, named, unused []string) (l layout, err error) {
	for _, split := range []string{Train, Test} {
		if slices.Contains(named, split) {
			l.splits = append(l.splits, splitFolder{split, split})
		}
	}
	for _, name := range valFolders() {
		switch {
		case !slices.Contains(named, name):
		case l.splits[len(l.splits)-1].split == Val:
			unused = append(unused, name)
		default:
			l.splits = append(l.splits, splitFolder{Val, name})
		}
	}
	for _, name := range unused {
		split := SplitLike(name)
		if split == "" || slices.ContainsFunc(l.splits, func(f splitFolder) bool { return f.split == split }) {
			continue
		}
		in, err := readFolder(filepath.Join(root, name))
		if err != nil {
			return l, err
		}
		if len(in.folders)+len(in.images) > 0 {
			return l, LikeSplitError(root, name)
		}
	}
	if len(unused) > 0 {
		l.notes = []string{fmt.Sprintf("not used, folders of %s beside those of splits: %d (%s)", root, len(unused), spell.Few(unused, maxNames))}
	}
	return l, nil
}

// SplitOf returns the split of a name, which a folder of class folders or a cell of a table has; "" if it names none.
func SplitOf(name string) string {
	switch {
	case name == Train, name == Test:
		return name
	case slices.Contains(valFolders(), name):
		return Val
	}
	return ""
}

// SplitLike returns the split that a folder is more likely than a class, by its name; "" if it is a class.
func SplitLike(name string) string {
	switch strings.ToLower(name) {
	case "train", "training", "trainval":
		return Train
	case "val", "valid", "validation", "dev":
		return Val
	case "test", "testing", "eval", "evaluation":
		return Test
	}
	return ""
}

// NoTrainError says that a folder seems to be a split, but none is called train.
func NoTrainError(root, name string) error {
	return fmt.Errorf("%s has a folder %s but no %s/: rename the folders to %s/, %s/ and %s/, with class folders in them", root, name, Train, Train, Val, Test)
}

// LikeSplitError says that a folder beside those of splits seems to be another split.
func LikeSplitError(root, name string) error {
	return fmt.Errorf("%s has a folder %s, whose images would not be used: rename it to %s/, or move it elsewhere if it is no split", root, name, SplitLike(name))
}

// isDataSet reports whether a folder is a data set with splits.
func isDataSet(folder string) bool {
	names := []string{Train, Test}
	for _, split := range splitNames() {
		names = append(names, listFiles(split)...)
	}
	return slices.ContainsFunc(names, func(name string) bool {
		_, err := os.Stat(filepath.Join(folder, name))
		return err == nil // a folder that can't be read is none
	})
}

// unreadable adds a way out to the error of a folder that the user may not read.
func unreadable(what string, err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%s: %w: its images would be missing, so make it readable (chmod -R u+rX FOLDER) or remove it", what, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

func brokenClass(folder, link string) error {
	return fmt.Errorf("%s is a link that leads nowhere, and its class would be missing: mend or remove it", filepath.Join(folder, link))
}

// contents lists the entries of a folder by name.
type contents struct{ folders, images, files, broken, hidden []string }

func readFolder(folder string) (c contents, err error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return c, unreadable("read class folders", err)
	}
	for _, e := range entries {
		if files.Hidden(e.Name()) {
			c.hidden = append(c.hidden, e.Name())
			continue
		}
		info, err := files.Stat(filepath.Join(folder, e.Name()))
		list := &c.files
		switch {
		case err != nil:
			return c, fmt.Errorf("read class folders: %w", err)
		case info == nil:
			list = &c.broken
		case info.IsDir():
			list = &c.folders
		case IsImageName(e.Name()):
			list = &c.images
		}
		*list = append(*list, e.Name())
	}
	return c, nil
}
