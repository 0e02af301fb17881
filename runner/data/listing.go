package data

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"dtl-tf/graph/limit"
	"dtl-tf/graph/spell"
)

// WriteDivision writes the splits that a division made, as a table that [Open] reads in the folder of the data set.
func (s *Set) WriteDivision(w io.Writer, d *Division) error {
	out := csv.NewWriter(w)
	rows := [][]string{{columnPath, columnLabel, columnSplit}}
	for _, split := range slices.Sorted(maps.Keys(d.Fingerprints)) {
		for _, item := range s.splits[split] {
			rows = append(rows, []string{item.Name, s.LabelText(item), split})
		}
	}
	return out.WriteAll(rows)
}

// Listing is the images of the splits of an earlier run.
type Listing struct {
	file string
	rows map[string][]row // by split
}

// ReadListing reads a table that WriteDivision wrote for a set. several says that its images have any number of classes.
func ReadListing(file string, several bool) (*Listing, error) {
	content, err := limit.ReadFile(file, MaxListBytes)
	if err != nil {
		return nil, fmt.Errorf("read the run's splits: %w", err)
	}
	t, err := parseTable(&table{file: file, folder: true, several: several}, content)
	if err != nil {
		return nil, err
	}
	if !t.splits {
		return nil, fmt.Errorf("%s has no column split", file)
	}
	rows := slices.Clone(t.rows) // also those that repeat an earlier one, as a list of the data set does
	if _, err := t.unique(); err != nil {
		return nil, err
	}
	l := &Listing{file: file, rows: map[string][]row{}}
	for _, r := range rows {
		l.rows[r.split] = append(l.rows[r.split], r)
	}
	return l, nil
}

// ErrOtherData says that a data set has no image of a listing.
var ErrOtherData = errors.New("the data set has none of the listed images")

// Take returns the images of a split in a set, which must have the content of fingerprint. It is ErrOtherData if the set has none
// of them.
func (l *Listing) Take(ctx context.Context, s *Set, split, fingerprint string) ([]Item, error) {
	byName := map[string]Item{}
	for _, items := range s.splits {
		for _, item := range items {
			byName[path.Clean(item.Name)] = item
		}
	}
	var items []Item
	var missing *row
	for _, r := range l.rows[split] {
		item, ok := byName[r.path]
		if !ok && missing == nil {
			missing = &r
		}
		if !ok {
			continue
		}
		there := r.label
		if s.LabelSets != nil {
			there = strings.Join(r.labels, labelSeparator)
		}
		if name := s.LabelText(item); name != there {
			return nil, fmt.Errorf("%s: %s has the class %s there and %s in %s", l.file, r.path, spell.Line(there), spell.Line(name), s.Root)
		}
		items = append(items, item)
	}
	if len(items) == 0 {
		return nil, ErrOtherData
	}
	if missing != nil {
		return nil, fmt.Errorf("%s line %d: %s is not in %s", l.file, missing.line, missing.path, s.Root)
	}
	found, err := s.ContentOf(ctx, items)
	if err == nil && found != fingerprint {
		err = fmt.Errorf("the images of %s that %s lists for %s have changed since the run", s.Root, filepath.Base(l.file), split)
	}
	return items, err
}
