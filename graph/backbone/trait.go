package backbone

import (
	"regexp"
	"slices"

	"dtl-tf/graph/tensor"
)

// Trait is a feature of related networks that a family does not compute. The name of a tensor shows it.
type Trait struct {
	Names *regexp.Regexp // of its tensors
	What  string
}

// Lack is a feature that shows in a file which has one tensor and not another.
type Lack struct{ Has, Lacks, What string }

// FindTraits lists the features that a file's tensors show.
func FindTraits(m tensor.Map, traits []Trait, lacks []Lack) (found []string) {
	for _, t := range traits {
		if slices.ContainsFunc(m.Names(), t.Names.MatchString) {
			found = append(found, t.What)
		}
	}
	for _, l := range lacks {
		_, has := m[l.Has]
		if _, other := m[l.Lacks]; has && !other {
			found = append(found, l.What)
		}
	}
	return found
}
