package data

import (
	"fmt"
	"slices"

	"dtl-tf/graph/limit"
)

// SeveralFaults is TableFaults for a table that [OpenSeveral] refuses.
func SeveralFaults(file string) []error {
	return faultsOf(&table{file: file, lenient: true, several: true})
}

// ClassesOf lists the classes of an image: one, or those of a set of labels.
func (s *Set) ClassesOf(item Item) []int {
	if s.LabelSets != nil {
		return s.LabelSets[item.Label]
	}
	return []int{item.Label}
}

// OpenSeveral opens a table in which an image may have any number of labels, also none: separated by vertical bars in CSV, as a list in
// JSON. The Label of an item is the index of its labels in Set.LabelSets, each of which has classes in ascending order.
func OpenSeveral(file string) (*Set, error) {
	content, err := limit.ReadFile(file, MaxListBytes)
	if err != nil {
		return nil, fmt.Errorf("read table: %w", err)
	}
	t, err := parseTable(&table{file: file, several: true}, content)
	if err != nil {
		return nil, err
	}
	return t.open(0)
}

// labelSet is the index of a set of labels, by name, in LabelSets.
func (s *Set) labelSet(names []string, label map[string]int) int {
	classes := make([]int, len(names))
	for i, name := range names {
		classes[i] = label[name]
	}
	slices.Sort(classes)
	at := slices.IndexFunc(s.LabelSets, func(other []int) bool { return slices.Equal(other, classes) })
	if at < 0 {
		at = len(s.LabelSets)
		s.LabelSets = append(s.LabelSets, classes)
	}
	return at
}

// addSeveral adds a row with any number of labels, each once.
func (t *table) addSeveral(r row, local string, labels []string) error {
	for _, label := range labels {
		if err := checkLabel(label); err != nil {
			return err
		}
	}
	r.labels = slices.DeleteFunc(slices.Clone(labels), func(label string) bool { return label == "" })
	if len(labels) > 1 && len(r.labels) < len(labels) {
		return fmt.Errorf("%s has an empty label among %d", quoted(r.path), len(labels))
	}
	slices.Sort(r.labels)
	r.labels = slices.Compact(r.labels)
	return t.place(r, local)
}
