// Package class finds the classes of a data set among those that a classifier tells apart.
package class

import (
	"fmt"
	"slices"
	"strconv"

	"dtl-tf/graph/spell"
	"dtl-tf/runner"
	"dtl-tf/runner/data"
)

// mostNames is how many classes a message names.
const mostNames = 5

// List is what a data set or a classifier knows of its classes.
type List struct {
	Owner string // for messages, such as "the adapter FILE"
	Count int
	Names []string // by number; nil where there are numbers only
}

// Of are the classes of a data set.
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

// Way is how the classes of a data set are found among those of a classifier.
type Way int

// The ways.
const (
	ByName   Way = iota // both have names
	ByNumber            // one has numbers only, or both
	ByValue             // one has numbers only, the other one's names are numbers
	Unmatched
)

// Match says which class of a classifier each class of a data set is.
type Match struct {
	Data, Head List
	How        Way
	To         []int // by class of the data set; -1: the classifier has no such class
}

// Find finds the classes of a data set among those of a classifier. Names that differ in anything are different
// classes. Numbers of lists are those of the classifier; the numbers of class folders follow from their order, so they
// say something only where both have as many classes.
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

// positions finds names in a list. A name that stands there twice, which old versions could write, says nothing.
func positions(names []string) func(string) int {
	at := map[string]int{}
	for i, name := range names {
		if _, twice := at[name]; twice {
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

// matchValues matches names that are numbers, such as the class folders 0, 1, 10, 11, 2, with the numbers of the other
// side. It tells whether all classes of the data set have a place so.
func (m *Match) matchValues() bool {
	switch {
	case m.Data.Names != nil && m.Head.Names == nil:
		values, ok := valuesOf(m.Data.Names)
		if !ok || slices.Max(values) >= m.Head.Count {
			return false
		}
		copy(m.To, values)
		return true
	case m.Data.Names == nil && m.Head.Names != nil:
		values, ok := valuesOf(m.Head.Names)
		at := map[int]int{}
		for class, value := range values {
			at[value] = class
		}
		for i := range m.To {
			place, there := at[i]
			m.To[i], ok = place, ok && there
		}
		return ok
	}
	return false
}

// valuesOf reads names as numbers, if all are and no two are the same.
func valuesOf(names []string) (values []int, ok bool) {
	seen := map[int]bool{}
	for _, name := range names {
		v, err := strconv.ParseUint(name, 10, 31)
		if err != nil || seen[int(v)] {
			return nil, false
		}
		seen[int(v)] = true
		values = append(values, int(v))
	}
	return values, len(values) > 0
}

// Relabel gives the images the labels of the classifier. It refuses those of classes that the classifier does not know.
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
	left := m.left()
	for class, to := range m.To {
		if to < 0 && counts[class] > 0 {
			unknown = append(unknown, fmt.Sprintf("%s (%d of %d images%s)", m.Data.name(class), counts[class], len(items), m.similar("; ", class, left, len(unknown))))
		}
	}
	if unknown != nil {
		return runner.Usagef("%s has images of classes that %s does not know: %s; rename or remove these class folders (it knows %s)",
			m.Data.Owner, m.Head.Owner, spell.Few(unknown, mostNames), spell.Few(m.Head.Names, mostNames))
	}
	for i := range items {
		items[i].Label = m.To[items[i].Label]
	}
	return nil
}
