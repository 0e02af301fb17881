package summary

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"dtl-tf/runner/result"
	"dtl-tf/runner/vtab"
)

// source is a cell with the file that it is from.
type source struct {
	vtab.Cell
	path string
}

// read collects the cells of all folders. Files that are no cells come back in bad.
func read(folders []string) (cells []source, bad []error, err error) {
	var seen []string
	for _, folder := range folders {
		whole, err := filepath.Abs(folder)
		if err != nil {
			return nil, nil, fmt.Errorf("results: %w", err)
		}
		if slices.Contains(seen, whole) {
			continue
		}
		seen = append(seen, whole)
		list, broken, err := vtab.ReadCells(folder)
		if err != nil {
			return nil, nil, err
		}
		bad = append(bad, broken...)
		for _, c := range list {
			cells = append(cells, source{c, vtab.CellPath(folder, c.Task, c.Method, c.Seed)})
		}
	}
	if cells, err = once(cells); err != nil {
		return nil, bad, err
	}
	return cells, bad, nil
}

// usable says why a cell has no accuracy that belongs into the table, nil if it has.
func (s source) usable() error {
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

// once leaves one source of each cell. Of a cell that failed in one folder and was finished in another the finished one
// counts; two finished ones are refused, since only one of them could.
func once(cells []source) ([]source, error) {
	at := map[string]int{}
	var list []source
	for _, c := range cells {
		i, twice := at[c.Key()]
		switch {
		case !twice:
			at[c.Key()] = len(list)
			list = append(list, c)
		case c.usable() != nil:
		case list[i].usable() != nil:
			list[i] = c
		default:
			return nil, fmt.Errorf("%s is finished in two folders, and one table takes one:\n  %s\n  %s\nremove one of the files or leave its folder out",
				c.Key(), list[i].path, c.path)
		}
	}
	return list, nil
}

// sameOrigin refuses cells that no average may be made of: one task with two data sets, or two backbones.
func sameOrigin(cells []source) error {
	var backbone *source
	data := map[string]*source{}
	for i := range cells {
		c := &cells[i]
		if c.usable() != nil {
			continue
		}
		if first, ok := data[c.Task]; !ok {
			data[c.Task] = c
		} else if a, b := first.Run.Data, c.Run.Data; a.Fingerprint != b.Fingerprint {
			return refusal("the data set of "+c.Task+" is not the same in all results: averaging them would say nothing",
				first.path, a.Fingerprint, a.Root, c.path, b.Fingerprint, b.Root)
		}
		if backbone == nil {
			backbone = c
		} else if a, b := backbone.Run.Backbone, c.Run.Backbone; a.SHA256 != b.SHA256 {
			return refusal("the results come from two backbones: make a table of each",
				backbone.path, a.SHA256, a.Path, c.path, b.SHA256, b.Path)
		}
	}
	return nil
}

// refusal names two files with what differs in them.
func refusal(text string, pathA, sumA, fromA, pathB, sumB, fromB string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s", text)
	for _, s := range [][3]string{{pathA, sumA, fromA}, {pathB, sumB, fromB}} {
		fmt.Fprintf(&b, "\n  %s\n    has %s, of %s", s[0], s[1], s[2])
	}
	return errors.New(b.String())
}
