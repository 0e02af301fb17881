package data

import (
	"fmt"
	"path/filepath"
	"strconv"
	"unicode/utf8"

	"dtl-tf/graph/spell"
)

// checkClassNames refuses names of class folders that are not UTF-8. JSON, in which adapters and results keep them, has no
// other text: different names would become the same there.
func checkClassNames(folder string, names []string) error {
	for _, name := range names {
		if !utf8.ValidString(name) {
			return fmt.Errorf("class folder %s: the name is not UTF-8, which result files can't hold: rename the folder", spell.UTF8(filepath.Join(folder, name)))
		}
	}
	return nil
}

// SimilarClass is the part of a message, from the separator on, that says which of the known classes an unknown one may be;
// "" if none is near.
func SimilarClass(separator, name string, known []string) string {
	best, distance := spell.Nearest(name, known)
	if distance > min(len(name), len(best))/3 || best == name {
		return ""
	}
	if distance == 0 { // they look alike
		return fmt.Sprintf("%sdid you mean %+q, which differs in case or in how its letters are composed?", separator, best)
	}
	return fmt.Sprintf("%sdid you mean %s?", separator, spell.Line(best))
}

// ClassName is the name of a class, or its number where the data set has numbers only.
func (s *Set) ClassName(label int) string {
	if label < len(s.ClassNames) {
		return s.ClassNames[label]
	}
	return strconv.Itoa(label)
}

func (s *Set) classNames(labels []int) []string {
	names := make([]string, len(labels))
	for i, label := range labels {
		names[i] = s.ClassName(label)
	}
	return names
}
