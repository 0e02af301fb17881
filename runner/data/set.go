package data

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// Item is one image of a data set.
type Item struct {
	Path  string // what to open
	Name  string // path relative to the data set's folder, with slashes
	Label int    // class, from 0

	line int // of the list, for messages; 0 in class folders
}

// The layouts of a data set on disk.
const (
	LayoutLists   = "lists"         // train800.txt and the like beside images/
	LayoutFolders = "class folders" // train/CLASS/*, test/CLASS/*, or CLASS/*
)

// The names of splits.
const (
	Train    = "train"    // what hyper-parameters are chosen with: train800.txt, train.txt, train/, or all of CLASS/*
	Val      = "val"      // val200.txt, val.txt, or val/, valid/, validation/
	TrainVal = "trainval" // what a final run trains on: train800val200.txt, else as Train
	Test     = "test"     // test.txt or test/
)

func splitNames() []string { return []string{Train, Val, TrainVal, Test} }

// Set is a data set on disk.
type Set struct {
	Root       string   // its folder
	Layout     string   // LayoutLists or LayoutFolders
	Classes    int      // number of classes
	ClassNames []string // by label; nil for lists, which hold numbers only
	Notes      []string // what a user should know of what is there and not used, a line each

	splits map[string][]Item
}

// Open reads the lists or the folders of a data set, without the images, and checks that each
// listed file is there. The number of classes is the largest label of all lists plus one, or the number of
// class folders. Errors name the list and the line.
func Open(root string) (*Set, error) { return OpenClasses(root, 0) }

// OpenClasses is [Open] for a known number of classes, which labels must stay below.
// In class folders the number must match. 0 takes the number from the data.
func OpenClasses(root string, classes int) (*Set, error) {
	info, err := os.Stat(root)
	if err != nil {
		return nil, fmt.Errorf("open data set: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("data set %s is a file: want the folder with train800.txt or train/ in it", root)
	}
	for _, open := range []func(string, int) (*Set, error){openLists, openFolders} {
		set, err := open(root, classes)
		if err != nil {
			return nil, err
		}
		if set != nil {
			return set, nil
		}
	}
	return nil, fmt.Errorf("data set %s holds neither lists (train800.txt, val200.txt, train800val200.txt, test.txt, "+
		"train.txt) nor class folders (train/CLASS/*, test/CLASS/*, or two or more CLASS/*)", root)
}

// Splits lists the splits that the data set has, in a fixed order.
func (s *Set) Splits() []string {
	var names []string
	for _, name := range splitNames() {
		if len(s.splits[name]) > 0 {
			names = append(names, name)
		}
	}
	return names
}

// Split returns the images of a split in the order of the list, or by name. The error
// for one that is not there names those that are.
func (s *Set) Split(name string) ([]Item, error) {
	if items := s.splits[name]; len(items) > 0 {
		return slices.Clone(items), nil
	}
	have := strings.Join(s.Splits(), ", ")
	if !slices.Contains(splitNames(), name) {
		return nil, fmt.Errorf("unknown split %q: data set %s has %s", name, s.Root, have)
	}
	return nil, fmt.Errorf("data set %s (%s) has no split %q, only %s", s.Root, s.Layout, name, have)
}

// exists tells whether a file or folder is there; any trouble but its absence counts as there,
// so that whoever opens it reports the trouble.
func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
