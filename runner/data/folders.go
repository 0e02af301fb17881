package data

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// openFolders reads train/CLASS/*, test/CLASS/* and val/CLASS/*, or returns nil when neither
// train/ nor test/ is there. Classes are the folders of train/ in byte order of their names.
func openFolders(root string, classes int) (*Set, error) {
	s := &Set{Root: root, Layout: LayoutFolders, splits: map[string][]Item{}}
	for _, split := range []string{Train, Test, Val} {
		folder := filepath.Join(root, split)
		if !exists(folder) || split == Val && s.ClassNames == nil {
			continue
		}
		names, err := classFolders(folder)
		if err != nil {
			return nil, err
		}
		first := s.ClassNames == nil
		if first {
			if len(names) == 0 {
				return nil, fmt.Errorf("%s has no class folders: want %s/CLASS/IMAGE", folder, split)
			}
			s.ClassNames, s.Classes = names, len(names)
		}
		for _, name := range names {
			label, known := slices.BinarySearch(s.ClassNames, name)
			if !known {
				return nil, fmt.Errorf("class folder %s has no counterpart in %s%s", filepath.Join(folder, name),
					filepath.Join(root, Train), SimilarClass(": ", name, s.ClassNames))
			}
			items, err := classImages(root, filepath.Join(split, name), label)
			if err != nil {
				return nil, err
			}
			if first && len(items) == 0 {
				return nil, fmt.Errorf("class folder %s has no image (%s): fill or remove it",
					filepath.Join(folder, name), strings.Join(extensions(), " "))
			}
			s.splits[split] = append(s.splits[split], items...)
		}
	}
	if s.ClassNames == nil {
		return nil, nil
	}
	if classes != 0 && classes != s.Classes {
		return nil, fmt.Errorf("data set %s has %d class folders, %d classes are wanted", root, s.Classes, classes)
	}
	s.splits[TrainVal] = s.splits[Train]
	return s, nil
}

// classFolders lists the sub-folders by name, links to folders included, hidden ones not.
func classFolders(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("read class folders: %w", err)
	}
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		info, err := os.Stat(filepath.Join(folder, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("read class folders: %w", err)
		}
		if info.IsDir() {
			names = append(names, e.Name())
		}
	}
	if err := checkClassNames(folder, names); err != nil {
		return nil, err
	}
	slices.Sort(names)
	return names, nil
}

// classImages lists the images under a class folder, at any depth, by name.
func classImages(root, class string, label int) ([]Item, error) {
	var items []Item
	// The trailing separator makes WalkDir enter a link to a folder.
	start := filepath.Join(root, class) + string(filepath.Separator)
	err := filepath.WalkDir(start, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path != start && strings.HasPrefix(e.Name(), ".") { // .DS_Store, .ipynb_checkpoints
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if e.IsDir() || !IsImageName(path) {
			if !e.IsDir() && slices.Contains(unsupported(), strings.ToLower(filepath.Ext(path))) {
				return fmt.Errorf("%s: images of this kind can't be read: convert it to PNG or JPEG, or remove it", path)
			}
			return nil
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		items = append(items, Item{Path: path, Name: filepath.ToSlash(name), Label: label})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read class folder: %w", err)
	}
	return items, nil
}

// extensions are the file names that count as images in a class folder. Other files, a README or a
// Thumbs.db, are passed over; what the content is decides later on how to decode it.
func extensions() []string {
	return []string{".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif"}
}

// unsupported are images too, so that passing over them in silence would lose data.
func unsupported() []string {
	return []string{".webp", ".tif", ".tiff", ".heic", ".heif", ".avif", ".jp2", ".jxl", ".ppm", ".pgm"}
}
