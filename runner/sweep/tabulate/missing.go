package tabulate

import (
	"fmt"
	"maps"
	"slices"

	"dtl-tf/graph/spell"
)

// maxCells is how many cells a note lists.
const maxCells = 8

// Missing returns which of the cells that a table should have, by their keys, have no accuracy, and notes on why. means says what that
// is to the means.
func Missing[S Source](cells []S, keys []string, means string) (missing, notes []string) {
	index := map[string]S{}
	for _, c := range cells {
		index[c.File().Key] = c
	}
	reasons := map[string][]string{} // failed cells by their reasons
	for _, key := range keys {
		c, ok := index[key]
		if !ok {
			missing = append(missing, key)
		} else if err := c.File().Usable(); err != nil {
			missing = append(missing, key)
			reason := OneLine(err.Error())
			reasons[reason] = append(reasons[reason], key)
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		notes = append(notes, fmt.Sprintf("Failed: %s: %s", FewCells(reasons[reason]), reason))
	}
	if n := len(missing); n > 0 {
		notes = append(notes, fmt.Sprintf("Missing, %d of %d cells: %s. %s", n, len(keys), FewCells(missing), means))
	}
	return missing, notes
}

// FewCells lists the first of some cells, and how many more there are.
func FewCells(keys []string) string { return spell.Few(keys, maxCells) }
