package data

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"dtl-tf/graph/spell"
)

// openFolders reads class folders as layoutOf finds them, or returns nil when there are none. Classes are the folders of
// the first split in byte order of their names.
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

// readSplit adds the images of a folder of class folders.
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
		s.Notes = append(s.Notes, fmt.Sprintf("passed over, images of %s that lie in no class folder: %d (%s)", folder, len(in.images), spell.Few(in.images, mostNames)))
	}
	if f.folder != "" { // beside the folder of a whole data set lie read-mes and licences
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
		images, err := passed.ImagesBelow(class)
		if err != nil {
			return fmt.Errorf("read class folder: %w", err)
		}
		if first && len(images) == 0 {
			return fmt.Errorf("class folder %s has no image (%s): fill or remove it", class, strings.Join(extensions(), " "))
		}
		for _, image := range images {
			s.splits[f.split] = append(s.splits[f.split], Item{Path: image.Path, Name: path.Join(f.folder, name, image.Name), Label: label})
		}
	}
	return nil
}
