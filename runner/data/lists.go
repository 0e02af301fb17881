package data

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sync/errgroup"
)

// listFiles are the lists that a split is read from, the first that is there.
func listFiles(split string) []string {
	return map[string][]string{
		Train:    {"train800.txt", "train.txt"},
		Val:      {"val200.txt", "val.txt"},
		TrainVal: {"train800val200.txt", "train.txt"},
		Test:     {"test.txt"},
	}[split]
}

// openLists reads the VTAB-1k layout, or returns nil when there is no list.
func openLists(root string, classes int) (*Set, error) {
	s := &Set{Root: root, Layout: LayoutLists, Classes: classes, splits: map[string][]Item{}}
	lists := map[string][]Item{} // by file
	for _, split := range splitNames() {
		for _, file := range listFiles(split) {
			if !exists(filepath.Join(root, file)) {
				continue
			}
			if _, done := lists[file]; !done {
				items, err := readList(root, file, classes)
				if err != nil {
					return nil, err
				}
				if err := checkFiles(filepath.Join(root, file), items); err != nil {
					return nil, err
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

// checkFiles looks for every file of a list, so that a missing test image shows before the
// training and not after it. The error is that of the first bad line.
func checkFiles(list string, items []Item) error {
	workers := runtime.GOMAXPROCS(0)
	failures := make([]error, workers)
	var group errgroup.Group
	for w := range workers {
		group.Go(func() error {
			for _, item := range items[len(items)*w/workers : len(items)*(w+1)/workers] {
				info, err := os.Stat(item.Path)
				if err == nil && !info.Mode().IsRegular() {
					err = fmt.Errorf("%s is not a regular file", item.Path)
				}
				if err != nil {
					failures[w] = fmt.Errorf("%s line %d: %w", list, item.line, err)
					return failures[w]
				}
			}
			return nil
		})
	}
	if group.Wait() == nil {
		return nil
	}
	for _, err := range failures { // in the order of the lines
		if err != nil {
			return err
		}
	}
	return errors.New(list + ": files could not be checked")
}
