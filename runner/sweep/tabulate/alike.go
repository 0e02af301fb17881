package tabulate

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Alike has the names of cells by a description of what they have in common.
type Alike map[string][]string

// GroupAlike groups the usable cells by their descriptions.
func GroupAlike[S Source](cells []S, describe, name func(S) string) Alike {
	groups := Alike{}
	for _, c := range cells {
		if usable(c) {
			key := describe(c)
			groups[key] = append(groups[key], name(c))
		}
	}
	return groups
}

// Common returns the description that all cells have. ok is false if there are several or none.
func (a Alike) Common() (description string, ok bool) {
	if len(a) != 1 {
		return "", false
	}
	return slices.Collect(maps.Keys(a))[0], true
}

// String lists the descriptions with their cells, those of most cells first.
func (a Alike) String() string {
	return a.List(func(description string) string { return description })
}

// List is String with another text for each description.
func (a Alike) List(text func(description string) string) string {
	list := slices.SortedFunc(maps.Keys(a), func(x, y string) int {
		return cmp.Or(len(a[y])-len(a[x]), strings.Compare(x, y))
	})
	for i, description := range list {
		list[i] = text(description) + " for " + FewCells(a[description])
	}
	return strings.Join(list, "; ")
}
