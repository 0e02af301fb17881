package spell

import (
	"math"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// longest is the longest name, in bytes, that Nearest compares: that of a file. The names may be a stranger's.
const longest = 255

// Nearest is the known name that differs from name in the fewest bytes, and in how many. Case does not count, nor whether a
// letter is composed with its accent. Without a known name the distance is math.MaxInt.
func Nearest(name string, known []string) (best string, distance int) {
	distance = math.MaxInt
	if len(name) > longest {
		return "", distance
	}
	folded := Fold(name)
	for _, k := range known {
		if len(k) > longest {
			continue
		}
		if d := Distance(folded, Fold(k)); d < distance {
			best, distance = k, d
		}
	}
	return best, distance
}

// Fold is what spellings have in common that differ in case or in the composition of letters (Unicode's form C) only.
func Fold(name string) string { return strings.ToLower(norm.NFC.String(name)) }
