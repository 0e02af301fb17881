package suite

import "dtl-tf/graph/spell"

// Nearest is the part of an error that says which known name is nearest to an unknown one; "" if none is near.
func Nearest(name string, known []string) string {
	best, distance := spell.Nearest(name, known)
	if distance > max(2, len(best)/2) {
		return ""
	}
	return ": did you mean " + best + "?"
}
