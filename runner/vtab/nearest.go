package vtab

import (
	"slices"

	"dtl-tf/graph/spell"
)

// Nearest is the part of an error that says which known name is nearest to an unknown one; "" if none is near.
func Nearest(name string, known []string) string {
	best := slices.MinFunc(known, func(a, b string) int { return spell.Distance(name, a) - spell.Distance(name, b) })
	if spell.Distance(name, best) > max(2, len(best)/2) {
		return ""
	}
	return ": did you mean " + best + "?"
}
