package class

import (
	"fmt"

	"dtl-tf/graph/spell"
	"dtl-tf/runner/data"
)

// Note says what classes were matched by if it was not by their names and one side has some; "" else.
func (m Match) Note() string {
	named, other := m.Head, m.Data
	if m.Data.Names != nil {
		named, other = m.Data, m.Head
	}
	switch {
	case named.Names == nil:
		return ""
	case m.How == ByValue:
		return fmt.Sprintf("%s has no class names: its labels are taken for the numbers that %s has as names", other.Owner, named.Owner)
	case m.How == ByNumber:
		var pairs []string
		for i, name := range named.Names {
			pairs = append(pairs, fmt.Sprintf("%d is %s", i, name))
		}
		return fmt.Sprintf("%s has no class names: labels are matched by number with %s (%s)", other.Owner, named.Owner, spell.Few(pairs, mostNames))
	}
	return ""
}

// left are the names of the classifier's classes that the data set does not have.
func (m Match) left() (names []string) {
	taken := make([]bool, m.Head.Count)
	for _, to := range m.To {
		if to >= 0 {
			taken[to] = true
		}
	}
	for class, is := range taken {
		if !is {
			names = append(names, m.Head.name(class))
		}
	}
	return names
}

// similar says which of the names a class of the data set may be, from the separator on, if it is among those that a
// message names.
func (m Match) similar(separator string, class int, names []string, at int) string {
	if m.How != ByName || at >= mostNames {
		return ""
	}
	return data.SimilarClass(separator, m.Data.name(class), names)
}

// StartNote says which classes of a head start from the adapter's if those are not all of both; "" else.
func (m Match) StartNote() string {
	var fresh []string
	left := m.left()
	for class, to := range m.To {
		if to < 0 {
			fresh = append(fresh, m.Data.name(class)+m.similar(" - ", class, left, len(fresh)))
		}
	}
	if fresh == nil && left == nil {
		return ""
	}
	text := fmt.Sprintf("%d of %d classes of the head start from %s", m.Data.Count-len(fresh), m.Data.Count, m.Head.Owner)
	if m.How == Unmatched {
		text += ", which has no class names"
	}
	if fresh != nil {
		text += "; fresh: " + spell.Few(fresh, mostNames)
	}
	if left != nil {
		text += "; left out: " + spell.Few(left, mostNames)
	}
	return text
}

// SubsetNote says that the images, which are relabelled, are of some of the classifier's classes only; "" if of all.
func (m Match) SubsetNote(items []data.Item) string {
	has := make([]bool, m.Head.Count)
	for _, item := range items {
		has[item.Label] = true
	}
	var absent []string
	for class, there := range has {
		if !there {
			absent = append(absent, m.Head.name(class))
		}
	}
	if absent == nil {
		return ""
	}
	return fmt.Sprintf("there are images of %d of the classifier's %d classes (none of %s): each is scored over all %d",
		m.Head.Count-len(absent), m.Head.Count, spell.Few(absent, mostNames), m.Head.Count)
}
