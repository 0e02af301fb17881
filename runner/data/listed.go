package data

import (
	"fmt"
)

// List is a list of images that may be anywhere, and the folder that the names in it are relative to.
type List struct {
	File   string `json:"file"`
	Images string `json:"images"`
}

// Lists are the lists of a data set, by split.
type Lists map[string]List

// LayoutListed is the layout of a data set whose lists are named one by one.
const LayoutListed = "lists elsewhere"

// OpenListed opens the data set that lists form, and checks that each listed file exists. root is its folder in messages. Labels
// must be below classes; 0 takes the number from the lists. names are those of the classes, nil if they have none. A list that names
// an image twice is an error, as one of the lines must be a mistake.
func OpenListed(root string, lists Lists, classes int, names []string) (*Set, error) {
	s := &Set{Root: root, Layout: LayoutListed, Classes: classes, ClassNames: names, splits: map[string][]Item{}}
	for _, split := range splitNames() {
		list, ok := lists[split]
		if !ok {
			continue
		}
		items, err := readList(list.Images, list.File, classes)
		if err != nil {
			return nil, ofSplit(split, err)
		}
		if err := checkTwice(list.File, items); err != nil {
			return nil, err
		}
		s.splits[split] = items
		if classes == 0 {
			for _, item := range items {
				s.Classes = max(s.Classes, item.Label+1)
			}
		}
	}
	if len(s.splits) != len(lists) {
		return nil, fmt.Errorf("data set %s: lists of unknown splits: it may have %v", root, splitNames())
	}
	return s, nil
}

// checkTwice returns an error for the first image that a list names twice.
func checkTwice(file string, items []Item) error {
	first := map[string]Item{}
	for _, item := range items {
		if other, twice := first[item.Path]; twice {
			return fmt.Errorf("%s line %d: %s is in line %d already, with the label %d: remove one of the lines", file, item.line, quoted(item.Name), other.line, other.Label)
		}
		first[item.Path] = item
	}
	return nil
}
