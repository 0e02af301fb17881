package data

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dtl-tf/graph/spell"
	"dtl-tf/runner/internal/files"
)

// layout is where the class folders of a data set lie.
type layout struct {
	splits []splitFolder // in the order in which they are read
	notes  []string
}

// splitFolder is a folder of class folders, relative to the data set's.
type splitFolder struct{ split, folder string }

// valFolders are the names that the folder of the val split has, the first that is there.
func valFolders() []string { return []string{Val, "valid", "validation"} }

// layoutOf tells one of two layouts, or none:
//
//	train/CLASS/*, test/CLASS/*, and val/, valid/ or validation/CLASS/*
//	CLASS/*, at least two of them: all images are for training
//
// Where the only folder with the name of a split holds images and no folders, and folders of other names lie beside it, it is
// a class, such as train beside bus and tram.
func layoutOf(root string) (l layout, err error) {
	top, err := readFolder(root)
	if err != nil {
		return l, err
	}
	splits := append([]string{Train, Test}, valFolders()...)
	var named, others []string
	for _, name := range top.folders {
		if slices.Contains(splits, name) {
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
		return splitLayout(root, named, others), nil
	}
	if len(top.folders) < 2 {
		return l, nil
	}
	for _, name := range top.folders {
		if name != class && meansSplit(name) {
			return l, fmt.Errorf("%s has a folder %s but no %s/: rename the folders to %s/, %s/ and %s/, with class folders in them",
				root, name, Train, Train, Val, Test)
		}
		if isDataSet(filepath.Join(root, name)) {
			return l, fmt.Errorf("%s is no data set, but %s in it looks like one: name that", root, name)
		}
	}
	if len(top.broken) > 0 {
		return l, brokenClass(root, top.broken[0])
	}
	l.splits = []splitFolder{{Train, ""}}
	if class != "" {
		l.notes = []string{fmt.Sprintf("the folder %s holds images and no folders, so it is taken for a class beside %s", filepath.Join(root, class), spell.Few(others, mostNames))}
	}
	return l, nil
}

// splitLayout is that of train/, test/ and one of valFolders. Other folders are named.
func splitLayout(root string, named, others []string) (l layout) {
	for _, split := range []string{Train, Test} {
		if slices.Contains(named, split) {
			l.splits = append(l.splits, splitFolder{split, split})
		}
	}
	unused := others
	for _, name := range valFolders() {
		switch {
		case !slices.Contains(named, name):
		case len(l.splits) > 0 && l.splits[len(l.splits)-1].split == Val:
			unused = append(unused, name)
		default:
			l.splits = append(l.splits, splitFolder{Val, name})
		}
	}
	if len(unused) > 0 {
		l.notes = []string{fmt.Sprintf("not used, folders of %s beside those of splits: %d (%s)", root, len(unused), spell.Few(unused, mostNames))}
	}
	return l
}

// meansSplit tells of names that rather mean a split than a class.
func meansSplit(name string) bool {
	return slices.Contains([]string{
		"train", "training", "trainval", "test", "testing", "val", "valid", "validation", "dev", "eval", "evaluation",
	}, strings.ToLower(name))
}

// isDataSet tells of a folder whether it is a data set in one of the layouts with splits.
func isDataSet(folder string) bool {
	names := []string{Train, Test}
	for _, split := range splitNames() {
		names = append(names, listFiles(split)...)
	}
	return slices.ContainsFunc(names, func(name string) bool { return exists(filepath.Join(folder, name)) })
}

func brokenClass(folder, link string) error {
	return fmt.Errorf("%s is a link that leads nowhere, and its class would be missing: mend or remove it", filepath.Join(folder, link))
}

// folder is what lies directly in a folder, by name, but for what is hidden.
type folder struct{ folders, images, files, broken []string }

func readFolder(path string) (f folder, err error) {
	entries, err := os.ReadDir(path)
	if err != nil {
		return f, fmt.Errorf("read class folders: %w", err)
	}
	for _, e := range entries {
		if files.Hidden(e.Name()) {
			continue
		}
		info, err := files.Stat(filepath.Join(path, e.Name()))
		to := &f.files
		switch {
		case err != nil:
			return f, fmt.Errorf("read class folders: %w", err)
		case info == nil:
			to = &f.broken
		case info.IsDir():
			to = &f.folders
		case IsImageName(e.Name()):
			to = &f.images
		}
		*to = append(*to, e.Name())
	}
	return f, nil
}
