package data

import (
	"fmt"
	"path/filepath"
	"strconv"
	"unicode/utf8"

	"dtl-tf/graph/spell"
)

// checkClassNames rejects names of class folders that are not UTF-8. Adapters and results store names as JSON, which cannot hold
// them: different names could become the same.
func checkClassNames(folder string, names []string) error {
	for _, name := range names {
		if !utf8.ValidString(name) {
			return fmt.Errorf("class folder %s: the name is not UTF-8, which result files can't hold: rename the folder", spell.UTF8(filepath.Join(folder, name)))
		}
	}
	return nil
}

// SimilarClass suggests the known class that an unknown name probably means, for the end of a message; "" if none is similar.
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

// ClassName is the name of a class, or its number if the data set has no names.
func (s *Set) ClassName(label int) string {
	if label < len(s.ClassNames) {
		return s.ClassNames[label]
	}
	return strconv.Itoa(label)
}

// fewClasses lists the first maxNames classes by name.
func (s *Set) fewClasses(labels []int) string {
	names := make([]string, len(labels))
	for i, label := range labels {
		names[i] = s.ClassName(label)
	}
	return spell.Few(names, maxNames)
}
