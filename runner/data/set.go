package data

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// Item is one image of a data set.
type Item struct {
	Path  string // of the file
	Name  string // path relative to the data set's folder, with slashes
	Label int    // class, from 0

	line int // in the list or table, for messages; 0 in class folders
}

// The layouts of a data set on disk.
const (
	LayoutLists   = "lists"         // train800.txt and the like beside images/
	LayoutFolders = "class folders" // train/CLASS/*, test/CLASS/*, or CLASS/*
	LayoutTable   = "table"         // a CSV or JSON-lines file with path, label and perhaps split
)

// The names of splits.
const (
	Train    = "train"    // for choosing hyper-parameters: train800.txt, train.txt, train/, or all of CLASS/*
	Val      = "val"      // val200.txt, val.txt, or val/, valid/, validation/
	TrainVal = "trainval" // for final runs: train800val200.txt, else the files of Train
	Test     = "test"     // test.txt or test/
)

func splitNames() []string { return []string{Train, Val, TrainVal, Test} }

// Set is a data set on disk.
type Set struct {
	Root       string   // its folder
	Layout     string   // LayoutLists, LayoutFolders or LayoutTable
	Classes    int      // number of classes
	ClassNames []string // by label; nil for lists, which hold numbers only
	Notes      []string // what was found and not used, a line each
	LabelSets  [][]int  // see OpenSeveral; else nil

	splits map[string][]Item
	sums   map[string][sha256.Size]byte // see Sums
}

// Open reads the lists, the folders or the table of a data set, without the images, and checks that each listed file exists. The
// number of classes is the largest label of all lists plus one, or the number of class folders or of different labels in a table.
// Errors name the list and the line.
func Open(root string) (*Set, error) { return OpenClasses(root, 0) }

// OpenClasses is [Open] with a known number of classes: labels must be below it, and class folders must have that number. 0 takes
// the number from the data.
func OpenClasses(root string, classes int) (*Set, error) {
	info, err := os.Stat(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("data set %s does not exist: name a folder or a table (.csv, .tsv, .jsonl)", root)
	}
	if err != nil {
		return nil, fmt.Errorf("open data set: %w", err)
	}
	if !info.IsDir() && IsTable(root) {
		return openTable(root, classes)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("data set %s is a file: want the folder with train800.txt or train/ in it, or a table of paths and labels (.csv, .tsv, .jsonl)", root)
	}
	for _, open := range []func(string, int) (*Set, error){openLists, openFolders} {
		if set, err := open(root, classes); set != nil || err != nil {
			return set, err
		}
	}
	return nil, fmt.Errorf("data set %s holds neither lists (train800.txt, val200.txt, train800val200.txt, test.txt, "+
		"train.txt) nor class folders (train/CLASS/*, test/CLASS/*, or two or more CLASS/*)%s", root, insteadOf(root))
}

// Splits lists the splits of the data set in a fixed order.
func (s *Set) Splits() []string {
	return slices.DeleteFunc(splitNames(), func(name string) bool { return len(s.splits[name]) == 0 })
}

// Split returns the images of a split in the order of the list, or by name. The error for a missing split names the others.
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

// Sums is [Sums] of items of the set, and remembers them.
func (s *Set) Sums(ctx context.Context, items []Item) ([][sha256.Size]byte, error) {
	if s.sums == nil {
		s.sums = map[string][sha256.Size]byte{}
	}
	var unknown []Item
	for _, item := range items {
		if _, known := s.sums[item.Path]; !known {
			unknown = append(unknown, item)
		}
	}
	found, err := Sums(ctx, unknown)
	if err != nil {
		return nil, err
	}
	for i, item := range unknown {
		s.sums[item.Path] = found[i]
	}
	sums := make([][sha256.Size]byte, len(items))
	for i, item := range items {
		sums[i] = s.sums[item.Path]
	}
	return sums, nil
}

// exists reports whether a file or folder exists. If that is unknown it returns true, and opening the file reports the error.
func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
