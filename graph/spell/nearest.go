// Package spell helps to write errors about names: it quotes names, finds the nearest known one, and lets an error name a setting as
// the user knows it.
package spell

import (
	"math"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// maxLength is the length in bytes of the longest name that Nearest compares, that of a file name. Names may come from untrusted
// files.
const maxLength = 255

// Nearest returns the known name with the smallest Distance from name, and that distance, comparing names after Fold. If there
// is none the distance is math.MaxInt.
func Nearest(name string, known []string) (best string, distance int) {
	distance = math.MaxInt
	if len(name) > maxLength {
		return "", distance
	}
	folded := Fold(name)
	for _, k := range known {
		if len(k) > maxLength {
			continue
		}
		if d := Distance(folded, Fold(k)); d < distance {
			best, distance = k, d
		}
	}
	return best, distance
}

// Fold maps spellings that differ only in case or in Unicode composition to the same text (lower case, form C).
func Fold(name string) string { return strings.ToLower(norm.NFC.String(name)) }

// Distance is the Levenshtein distance in bytes: how many must be inserted, removed or replaced to turn a into b.
func Distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// DidYouMean returns the end of an error message that suggests the known name nearest to an unknown one, "" if none is near.
func DidYouMean(name string, known []string) string {
	best, distance := Nearest(name, known)
	if distance > max(2, len(best)/2) {
		return ""
	}
	return ": did you mean " + best + "?"
}
