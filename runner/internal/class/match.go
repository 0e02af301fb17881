// Package class maps the classes of a data set to those of a classifier.
package class

import (
	"fmt"
	"slices"
	"strconv"

	"dtl-tf/graph/spell"
	"dtl-tf/runner"
	"dtl-tf/runner/data"
)

// maxNames is the number of classes that a message names.
const maxNames = 5

// List describes the classes of a data set or a classifier.
type List struct {
	Owner string // for messages, such as "the adapter FILE"
	Count int
	Names []string // by number; nil if classes have numbers only
}

// Of returns the classes of a data set.
func Of(set *data.Set) List {
	return List{"the data set " + set.Root, set.Classes, set.ClassNames}
}

// name is the name of a class, or its number.
func (l List) name(class int) string {
	if l.Names == nil {
		return strconv.Itoa(class)
	}
	return l.Names[class]
}

// Way is how the classes of a data set and a classifier correspond.
type Way int

// The ways.
const (
	ByName   Way = iota // both have names
	ByNumber            // one or both have numbers only
	ByValue             // one has numbers only, and the names of the other are numbers
	Unmatched
)

// Match maps the classes of a data set to those of a classifier.
type Match struct {
	Data, Head List
	How        Way
	To         []int // by class of the data set; -1 if the classifier lacks the class
}

// Find matches the classes of a data set with those of a classifier. Names that differ at all are different classes. The numbers in
// lists are those of the classifier. The numbers of class folders follow from their order, so they count only if both sides have
// the same number of classes.
func Find(set, head List) Match {
	m := Match{Data: set, Head: head, To: slices.Repeat([]int{-1}, set.Count)}
	values, ok := matchValues(set, head)
	switch {
	case set.Names != nil && head.Names != nil:
		m.How = ByName
		classes := map[string]int{}
		for class, name := range head.Names {
			if _, duplicate := classes[name]; duplicate { // which old versions could write
				class = -1
			}
			classes[name] = class
		}
		for i, name := range set.Names {
			if class, found := classes[name]; found {
				m.To[i] = class
			}
		}
	case ok:
		m.How, m.To = ByValue, values
	case set.Names != nil && set.Count != head.Count:
		m.How = Unmatched
	default:
		m.How = ByNumber
		for i := range min(set.Count, head.Count) {
			m.To[i] = i
		}
	}
	return m
}

// matchValues matches names that are numbers, such as the class folders 0, 1, 10, 11, 2, with the numbers of the other side. It
// fails unless every class of the data set has a match.
func matchValues(set, head List) (to []int, ok bool) {
	to = make([]int, set.Count)
	switch {
	case set.Names != nil && head.Names == nil:
		classes, ok := byValue(set.Names)
		for value, class := range classes {
			to[class] = value
			ok = ok && value < head.Count
		}
		return to, ok
	case set.Names == nil && head.Names != nil:
		classes, ok := byValue(head.Names)
		for value := range to {
			class, found := classes[value]
			to[value], ok = class, ok && found
		}
		return to, ok
	}
	return nil, false
}

// byValue maps the numbers that names are to their positions. It fails if a name is not a number or two are equal.
func byValue(names []string) (positions map[int]int, ok bool) {
	positions = map[int]int{}
	for i, name := range names {
		v, err := strconv.ParseUint(name, 10, 31)
		if _, duplicate := positions[int(v)]; err != nil || duplicate {
			return nil, false
		}
		positions[int(v)] = i
	}
	return positions, len(names) > 0
}

// Relabel gives the images the labels of the classifier. It fails if images are of classes that the classifier lacks.
func (m Match) Relabel(items []data.Item) error {
	counts := map[int]int{} // images by class
	for _, item := range items {
		counts[item.Label]++
	}
	if err := m.knows(counts, len(items)); err != nil {
		return err
	}
	for i := range items {
		items[i].Label = m.To[items[i].Label]
	}
	return nil
}

// RelabelSets is Relabel for images of any number of classes, which sets has by the label of an item. It returns the sets in the classes
// of the classifier, ascending.
func (m Match) RelabelSets(items []data.Item, sets [][]int) ([][]int, error) {
	counts := map[int]int{}
	for _, item := range items {
		for _, class := range sets[item.Label] {
			counts[class]++
		}
	}
	if err := m.knows(counts, len(items)); err != nil {
		return nil, err
	}
	relabelled := make([][]int, len(sets))
	for i, set := range sets {
		for _, class := range set {
			if to := m.To[class]; to >= 0 { // else no item has the set
				relabelled[i] = append(relabelled[i], to)
			}
		}
		slices.Sort(relabelled[i])
	}
	return relabelled, nil
}

// knows fails if there are images of classes that the classifier lacks.
func (m Match) knows(counts map[int]int, images int) error {
	switch {
	case m.How == Unmatched:
		return runner.Usagef("%s names its %d classes, %s has %d without names: they can't be matched", m.Data.Owner, m.Data.Count, m.Head.Owner, m.Head.Count)
	case m.How == ByNumber && m.Data.Count > m.Head.Count:
		return runner.Usagef("%s has %d classes, the classifier has %d: they do not belong together", m.Data.Owner, m.Data.Count, m.Head.Count)
	}
	var unknown []string
	unmatched := m.without(m.To)
	for class, to := range m.To {
		if to < 0 && counts[class] > 0 {
			unknown = append(unknown, fmt.Sprintf("%s (%d of %d images%s)", m.Data.name(class), counts[class], images, m.similar("; ", class, unmatched, len(unknown))))
		}
	}
	if unknown != nil {
		return runner.Usagef("%s has images of classes that %s does not know: %s; rename or remove these class folders (it knows %s)",
			m.Data.Owner, m.Head.Owner, spell.Few(unknown, maxNames), spell.Few(m.Head.Names, maxNames))
	}
	return nil
}
