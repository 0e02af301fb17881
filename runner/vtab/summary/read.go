package summary

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"dtl-tf/runner/result"
	"dtl-tf/runner/vtab"
)

// source is a cell with the path of its file.
type source struct {
	vtab.Cell
	path string
}

// read collects the cells of all folders. bad has an error for each file that is not a valid cell.
func read(folders []string) (cells []source, bad []error, err error) {
	var seen []string
	for _, folder := range folders {
		absolute, err := filepath.Abs(folder)
		if err != nil {
			return nil, nil, fmt.Errorf("results: %w", err)
		}
		if slices.Contains(seen, absolute) {
			continue
		}
		seen = append(seen, absolute)
		list, broken, err := vtab.ReadCells(folder)
		if err != nil {
			return nil, nil, err
		}
		bad = append(bad, broken...)
		for _, c := range list {
			cells = append(cells, source{c, vtab.CellPath(folder, c.Task, c.Method, c.Seed)})
		}
	}
	cells, err = merge(cells)
	return cells, bad, err
}

// check returns why the table cannot use a cell's accuracy, nil if it can.
func (s source) check() error {
	switch {
	case s.Status == result.Failed:
		return errors.New(s.Error)
	case s.Run.Accuracy == nil:
		return errors.New("the run has no accuracy")
	case s.Run.Accuracy.Split != "test":
		return fmt.Errorf("evaluated on %s, not on test", s.Run.Accuracy.Split)
	}
	return nil
}

// merge keeps one source per cell. A usable cell replaces one that is not; two usable ones are an error because only one can count.
func merge(cells []source) (list []source, err error) {
	index := map[string]int{}
	for _, c := range cells {
		i, repeated := index[c.Key()]
		switch {
		case !repeated:
			index[c.Key()] = len(list)
			list = append(list, c)
		case c.check() != nil:
		case list[i].check() != nil:
			list[i] = c
		default:
			return nil, fmt.Errorf("%s is finished in two folders, and one table takes one:\n  %s\n  %s\nremove one of the files or leave its folder out",
				c.Key(), list[i].path, c.path)
		}
	}
	return list, nil
}

// checkOrigin rejects cells that cannot be averaged: one task with two data sets, or two backbones.
func checkOrigin(cells []source) error {
	type origin struct{ file, hash, path string }
	differ := func(text string, origins ...origin) error {
		for _, o := range origins {
			text += fmt.Sprintf("\n  %s\n    has %s, of %s", o.file, o.hash, o.path)
		}
		return errors.New(text)
	}
	var backbone origin
	data := map[string]origin{}
	for _, c := range cells {
		if c.check() != nil {
			continue
		}
		d := origin{c.path, c.Run.Data.Fingerprint, c.Run.Data.Root}
		if first, ok := data[c.Task]; !ok {
			data[c.Task] = d
		} else if first.hash != d.hash {
			return differ("the data set of "+c.Task+" is not the same in all results: averaging them would say nothing", first, d)
		}
		b := origin{c.path, c.Run.Backbone.SHA256, c.Run.Backbone.Path}
		if backbone.file == "" {
			backbone = b
		} else if backbone.hash != b.hash {
			return differ("the results come from two backbones: make a table of each", backbone, b)
		}
	}
	return nil
}
