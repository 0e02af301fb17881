// Package class maps the classes of a data set to those of a classifier.
package class

import (
	"fmt"
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
	m := Match{Data: set, Head: head, To: make([]int, set.Count)}
	switch named, numbered := set.Names != nil, head.Names == nil; {
	case named && !numbered:
		m.How = ByName
		at := positions(head.Names)
		for i, name := range set.Names {
			m.To[i] = at(name)
		}
	case m.matchValues():
		m.How = ByValue
	case named && set.Count != head.Count:
		m.How = Unmatched
		for i := range m.To {
			m.To[i] = -1
		}
	default:
		m.How = ByNumber
		for i := range m.To {
			m.To[i] = i
			if i >= head.Count {
				m.To[i] = -1
			}
		}
	}
	return m
}

// positions returns a function that finds a name in a list, or -1. Duplicate names, which old versions could write, match nothing.
func positions(names []string) func(string) int {
	at := map[string]int{}
	for i, name := range names {
		if _, duplicate := at[name]; duplicate {
			i = -1
		}
		at[name] = i
	}
	return func(name string) int {
		if i, ok := at[name]; ok {
			return i
		}
		return -1
	}
}

// matchValues matches names that are numbers, such as the class folders 0, 1, 10, 11, 2, with the numbers of the other side. It
// reports whether every class of the data set has a match.
func (m *Match) matchValues() bool {
	switch {
	case m.Data.Names != nil && m.Head.Names == nil:
		classes, ok := byValue(m.Data.Names)
		for value, class := range classes {
			m.To[class] = value
			ok = ok && value < m.Head.Count
		}
		return ok
	case m.Data.Names == nil && m.Head.Names != nil:
		classes, ok := byValue(m.Head.Names)
		for value := range m.To {
			class, found := classes[value]
			m.To[value], ok = class, ok && found
		}
		return ok
	}
	return false
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
	switch {
	case m.How == Unmatched:
		return runner.Usagef("%s names its %d classes, %s has %d without names: which is which can't be told", m.Data.Owner, m.Data.Count, m.Head.Owner, m.Head.Count)
	case m.How == ByNumber && m.Data.Count > m.Head.Count:
		return runner.Usagef("%s has %d classes, the classifier tells %d apart: they do not belong together", m.Data.Owner, m.Data.Count, m.Head.Count)
	}
	var unknown []string
	unmatched := m.without(m.To)
	for class, to := range m.To {
		if to < 0 && counts[class] > 0 {
			unknown = append(unknown, fmt.Sprintf("%s (%d of %d images%s)", m.Data.name(class), counts[class], len(items), m.similar("; ", class, unmatched, len(unknown))))
		}
	}
	if unknown != nil {
		return runner.Usagef("%s has images of classes that %s does not know: %s; rename or remove these class folders (it knows %s)",
			m.Data.Owner, m.Head.Owner, spell.Few(unknown, maxNames), spell.Few(m.Head.Names, maxNames))
	}
	for i := range items {
		items[i].Label = m.To[items[i].Label]
	}
	return nil
}
