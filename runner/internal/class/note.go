package class

import (
	"fmt"

	"dtl-tf/graph/spell"
	"dtl-tf/runner/data"
)

// Note says how classes were matched if only one side has names; "" otherwise.
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
		return fmt.Sprintf("%s has no class names: labels are matched by number with %s (%s)", other.Owner, named.Owner, spell.Few(pairs, maxNames))
	}
	return ""
}

// without names the classifier's classes that are not in classes, where -1 is none.
func (m Match) without(classes []int) (names []string) {
	present := make([]bool, m.Head.Count)
	for _, class := range classes {
		if class >= 0 {
			present[class] = true
		}
	}
	for class, is := range present {
		if !is {
			names = append(names, m.Head.name(class))
		}
	}
	return names
}

// similar suggests the name that a class of the data set probably means, for the end of a message. Messages name only the first
// maxNames classes, and this is number at.
func (m Match) similar(separator string, class int, names []string, at int) string {
	if m.How != ByName || at >= maxNames {
		return ""
	}
	return data.SimilarClass(separator, m.Data.name(class), names)
}

// StartNote says which classes of a new head start from the adapter's if that is not all of both; "" otherwise.
func (m Match) StartNote() string {
	var fresh []string
	unmatched := m.without(m.To)
	for class, to := range m.To {
		if to < 0 {
			fresh = append(fresh, m.Data.name(class)+m.similar(" - ", class, unmatched, len(fresh)))
		}
	}
	if fresh == nil && unmatched == nil {
		return ""
	}
	text := fmt.Sprintf("%d of %d classes of the head start from %s", m.Data.Count-len(fresh), m.Data.Count, m.Head.Owner)
	if m.How == Unmatched {
		text += ", which has no class names"
	}
	if fresh != nil {
		text += "; fresh: " + spell.Few(fresh, maxNames)
	}
	if unmatched != nil {
		text += "; left out: " + spell.Few(unmatched, maxNames)
	}
	return text
}

// SubsetNote says which of the classifier's classes have none of the relabelled images; "" if all have some.
func (m Match) SubsetNote(items []data.Item) string {
	labels := make([]int, len(items))
	for i, item := range items {
		labels[i] = item.Label
	}
	return m.subset(labels)
}

// SubsetNoteSets is SubsetNote for sets of RelabelSets.
func (m Match) SubsetNoteSets(items []data.Item, sets [][]int) string {
	var labels []int
	for _, item := range items {
		labels = append(labels, sets[item.Label]...)
	}
	return m.subset(labels)
}

func (m Match) subset(labels []int) string {
	absent := m.without(labels)
	if absent == nil {
		return ""
	}
	return fmt.Sprintf("there are images of %d of the classifier's %d classes (none of %s): each is scored over all %d",
		m.Head.Count-len(absent), m.Head.Count, spell.Few(absent, maxNames), m.Head.Count)
}
