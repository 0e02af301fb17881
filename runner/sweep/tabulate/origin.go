package tabulate

import (
	"maps"
	"slices"
	"strings"

	"dtl-tf/runner/internal/origin"
)

// Origins returns notes that say of the data sets of cells whether their images are the official ones, as their runs recorded it. name is
// the data set of a cell.
func Origins[S Source](cells []S, name func(S) string) (notes []string) {
	sets := map[string][]string{} // by what is said about them
	for _, c := range cells {
		run := c.File().Run
		if run == nil || run.Data.Origin == "" {
			continue
		}
		if word, set := run.Data.Origin, name(c); !slices.Contains(sets[word], set) {
			sets[word] = append(sets[word], set)
		}
	}
	for _, word := range slices.Sorted(maps.Keys(sets)) {
		text := "Images of " + strings.Join(slices.Sorted(slices.Values(sets[word])), ", ") + ": " + word + "."
		if word == origin.Official {
			text += " They are those of VTAB-1k."
		}
		notes = append(notes, text)
	}
	return notes
}
