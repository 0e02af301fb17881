package data

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"strconv"
	"strings"

	"dtl-tf/graph/limit"
)

// maxLabel bounds the labels of a list, because the classifier is built for the largest. A larger one means a damaged line.
const maxLabel = 99_999

// maxLine bounds a line in bytes; no path is as long.
const maxLine = 1 << 16

// MaxListBytes is the largest list that is read: some ten million lines.
const MaxListBytes = 1 << 29

// listFiles returns the possible list files of a split; the first that exists is read.
func listFiles(split string) []string {
	return map[string][]string{
		Train:    {"train800.txt", "train.txt"},
		Val:      {"val200.txt", "val.txt"},
		TrainVal: {"train800val200.txt", "train.txt"},
		Test:     {"test.txt"},
	}[split]
}

// openLists reads the VTAB-1k layout. It returns nil if there is no list.
func openLists(root string, classes int) (*Set, error) {
	s := &Set{Root: root, Layout: LayoutLists, Classes: classes, splits: map[string][]Item{}}
	lists := map[string][]Item{} // by file
	for _, split := range splitNames() {
		for _, name := range listFiles(split) {
			file := filepath.Join(root, name)
			if !exists(file) {
				continue
			}
			if _, done := lists[file]; !done {
				items, err := readList(root, file, classes)
				if err != nil {
					return nil, ofSplit(split, err)
				}
				lists[file] = items
			}
			s.splits[split] = lists[file]
			break
		}
	}
	if len(lists) == 0 {
		return nil, nil
	}
	if classes == 0 {
		for _, items := range lists {
			for _, item := range items {
				s.Classes = max(s.Classes, item.Label+1)
			}
		}
	}
	return s, nil
}

// EmptyListError says that the list of a split has no line.
type EmptyListError struct{ Split, File string }

// Error implements error.
func (e *EmptyListError) Error() string {
	return fmt.Sprintf("%s is empty: want lines like \"images/0001.jpg 3\"", e.File)
}

// ofSplit adds the split to the error of an empty list.
func ofSplit(split string, err error) error {
	var empty *EmptyListError
	if errors.As(err, &empty) {
		empty.Split = split
	}
	return err
}

// readList reads a list and checks that its files exist, so that a missing test image is reported before training starts.
func readList(root, file string, classes int) ([]Item, error) {
	content, err := limit.ReadFile(file, MaxListBytes)
	if err != nil {
		return nil, fmt.Errorf("read list: %w", err)
	}
	items, err := parseList(root, file, content, classes)
	if err != nil {
		return nil, err
	}
	return items, checkFiles(file, items)
}

// parseList reads the content of a list for training: an error names the first bad line.
func parseList(root, file string, content []byte, classes int) ([]Item, error) {
	var items []Item
	for l := range Lines(root, content, classes) {
		switch {
		case l.Err != nil:
			return nil, fmt.Errorf("%s line %d: %w", file, l.Number, l.Err)
		case !l.Blank:
			items = append(items, l.Item)
		}
	}
	if len(items) == 0 {
		return nil, &EmptyListError{File: file}
	}
	return items, nil
}

// Line is a line of a list: an image, nothing, or what is wrong with it.
type Line struct {
	Number int // from 1
	Item   Item
	Blank  bool
	Err    error
}

// Lines parses the content of a VTAB-1k list: lines of a path relative to root, white space, and a label from 0. It tolerates blank
// lines, a byte order mark and CRLF, continues after a bad line, and does not look for the images. Labels stay below classes unless
// that is 0.
//
// Lists are untrusted and name no file outside root: absolute paths and paths that leave it by ".." are errors. Symbolic links
// below root may lead anywhere, because data sets are often made of links into a store, and whoever can create links there has
// other ways.
func Lines(root string, content []byte, classes int) iter.Seq[Line] {
	return func(yield func(Line) bool) {
		number := 0
		for raw := range bytes.Lines(bytes.TrimPrefix(content, []byte("\ufeff"))) {
			number++
			l := Line{Number: number}
			if text := bytes.TrimSpace(raw); len(text) == 0 {
				l.Blank = true
			} else if len(text) > maxLine {
				l.Err = fmt.Errorf("the line has %d bytes, more than the limit of %d", len(text), maxLine)
			} else {
				l.Item, l.Err = parseLine(root, string(text), classes)
				l.Item.line = number
			}
			if !yield(l) {
				return
			}
		}
	}
}

func parseLine(root, text string, classes int) (Item, error) {
	cut := strings.LastIndexAny(text, " \t") // a path may hold spaces
	if cut < 0 {
		return Item{}, fmt.Errorf("%s: want a path and a label, separated by a space", quoted(text))
	}
	name, number := strings.TrimSpace(text[:cut]), text[cut+1:]
	label, err := strconv.Atoi(number)
	switch {
	case err != nil:
		return Item{}, fmt.Errorf("label %s is not a whole number", quoted(number))
	case label < 0:
		return Item{}, fmt.Errorf("label %d is negative: labels count from 0", label)
	case classes > 0 && label >= classes:
		return Item{}, fmt.Errorf("label %d is out of range: %d classes have the labels 0 to %d", label, classes, classes-1)
	case label > maxLabel:
		return Item{}, fmt.Errorf("label %d is above %d, the largest that is allowed", label, maxLabel)
	}
	local := filepath.FromSlash(name)
	if !filepath.IsLocal(local) {
		return Item{}, fmt.Errorf("path %s leaves the data set's folder: want one relative to it", quoted(name))
	}
	return Item{Path: filepath.Join(root, local), Name: name, Label: label}, nil
}

// quoted quotes a text, cut if it is long, such as a line of a binary file.
func quoted(text string) string {
	const maxShown = 80
	if len(text) > maxShown {
		return strconv.Quote(text[:maxShown]) + "..."
	}
	return strconv.Quote(text)
}
