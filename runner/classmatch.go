package runner

import (
	"fmt"
	"slices"
	"strconv"

	"dtl-tf/graph/spell"
	"dtl-tf/runner/data"
	"dtl-tf/runner/result"
)

// mostNames is how many classes a message names.
const mostNames = 5

// classList is what a data set or a classifier knows of its classes.
type classList struct {
	owner string // for messages, such as "the adapter FILE"
	count int
	names []string // by number; nil where there are numbers only
}

func classesOf(set *data.Set) classList {
	return classList{"the data set " + set.Root, set.Classes, set.ClassNames}
}

// name is the name of a class, or its number.
func (l classList) name(class int) string {
	if l.names == nil {
		return strconv.Itoa(class)
	}
	return l.names[class]
}

// How the classes of a data set are found among those of a classifier.
const (
	byName   = iota // both have names
	byNumber        // one has numbers only, or both
	byValue         // one has numbers only, the other one's names are numbers
	unmatched
)

// classMatch says which class of a classifier each class of a data set is.
type classMatch struct {
	data, head classList
	how        int
	to         []int // by class of the data set; -1: the classifier has no such class
}

// matchClasses finds the classes of a data set among those of a classifier. Names that differ in anything are different
// classes. Numbers of lists are those of the classifier; the numbers of class folders follow from their order, so they
// say something only where both have as many classes.
func matchClasses(set, head classList) classMatch {
	m := classMatch{data: set, head: head, to: make([]int, set.count)}
	switch named, numbered := set.names != nil, head.names == nil; {
	case named && !numbered:
		m.how = byName
		at := positions(head.names)
		for i, name := range set.names {
			m.to[i] = at(name)
		}
	case m.matchValues():
		m.how = byValue
	case named && set.count != head.count:
		m.how = unmatched
		for i := range m.to {
			m.to[i] = -1
		}
	default:
		m.how = byNumber
		for i := range m.to {
			m.to[i] = i
			if i >= head.count {
				m.to[i] = -1
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
func (m *classMatch) matchValues() bool {
	switch {
	case m.data.names != nil && m.head.names == nil:
		values, ok := valuesOf(m.data.names)
		if !ok || slices.Max(values) >= m.head.count {
			return false
		}
		copy(m.to, values)
		return true
	case m.data.names == nil && m.head.names != nil:
		values, ok := valuesOf(m.head.names)
		at := map[int]int{}
		for class, value := range values {
			at[value] = class
		}
		for i := range m.to {
			place, there := at[i]
			m.to[i], ok = place, ok && there
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

// note says what classes were matched by if it was not by their names and one side has some; "" else.
func (m classMatch) note() string {
	named, other := m.head, m.data
	if m.data.names != nil {
		named, other = m.data, m.head
	}
	switch {
	case named.names == nil:
		return ""
	case m.how == byValue:
		return fmt.Sprintf("%s has no class names: its labels are taken for the numbers that %s has as names", other.owner, named.owner)
	case m.how == byNumber:
		var pairs []string
		for i, name := range named.names {
			pairs = append(pairs, fmt.Sprintf("%d is %s", i, name))
		}
		return fmt.Sprintf("%s has no class names: labels are matched by number with %s (%s)", other.owner, named.owner, spell.Few(pairs, mostNames))
	}
	return ""
}

// left are the names of the classifier's classes that the data set does not have.
func (m classMatch) left() (names []string) {
	taken := make([]bool, m.head.count)
	for _, to := range m.to {
		if to >= 0 {
			taken[to] = true
		}
	}
	for class, is := range taken {
		if !is {
			names = append(names, m.head.name(class))
		}
	}
	return names
}

// similar says which of the names a class of the data set may be, from the separator on, if it is among those that a
// message names.
func (m classMatch) similar(separator string, class int, names []string, at int) string {
	if m.how != byName || at >= mostNames {
		return ""
	}
	return data.SimilarClass(separator, m.data.name(class), names)
}

// relabel gives the images the labels of the classifier. It refuses those of classes that the classifier does not know.
func (m classMatch) relabel(items []data.Item) error {
	counts := map[int]int{} // images by class
	for _, item := range items {
		counts[item.Label]++
	}
	switch {
	case m.how == unmatched:
		return Usagef("%s names its %d classes, %s has %d without names: which is which can't be told", m.data.owner, m.data.count, m.head.owner, m.head.count)
	case m.how == byNumber && m.data.count > m.head.count:
		return Usagef("%s has %d classes, the classifier tells %d apart: they do not belong together", m.data.owner, m.data.count, m.head.count)
	}
	var unknown []string
	left := m.left()
	for class, to := range m.to {
		if to < 0 && counts[class] > 0 {
			unknown = append(unknown, fmt.Sprintf("%s (%d of %d images%s)", m.data.name(class), counts[class], len(items), m.similar("; ", class, left, len(unknown))))
		}
	}
	if unknown != nil {
		return Usagef("%s has images of classes that %s does not know: %s; rename or remove these class folders (it knows %s)",
			m.data.owner, m.head.owner, spell.Few(unknown, mostNames), spell.Few(m.head.names, mostNames))
	}
	for i := range items {
		items[i].Label = m.to[items[i].Label]
	}
	return nil
}

// subsetNote says that the images, which are relabelled, are of some of the classifier's classes only; "" if of all.
func (m classMatch) subsetNote(items []data.Item) string {
	has := make([]bool, m.head.count)
	for _, item := range items {
		has[item.Label] = true
	}
	var absent []string
	for class, there := range has {
		if !there {
			absent = append(absent, m.head.name(class))
		}
	}
	if absent == nil {
		return ""
	}
	return fmt.Sprintf("there are images of %d of the classifier's %d classes (none of %s): each is scored over all %d",
		m.head.count-len(absent), m.head.count, spell.Few(absent, mostNames), m.head.count)
}

// adapterClassNames are the names of an adapter's classes in the order of the logits, nil where it has none.
func adapterClassNames(a *result.Adapter, classes int) ([]string, error) {
	names, ok, err := a.Strings(result.KeyClassNames)
	if err == nil && ok && len(names) != classes {
		err = fmt.Errorf("adapter %s: metadata %s has %d names, its classifier has %d classes", a.Path, result.KeyClassNames, len(names), classes)
	}
	return names, err
}

// match gives the images of a data set the labels of the classifier, by their classes' names where both have names.
func (l *loaded) match(c EvalConfig, set *data.Set, items []data.Item, note noteFunc) error {
	owner := "the adapter " + c.Adapter
	if c.Adapter == "" {
		owner = "the backbone's own head"
	}
	m := matchClasses(classesOf(set), classList{owner, l.classes, l.classNames})
	if err := m.relabel(items); err != nil {
		return err
	}
	for _, text := range []string{m.note(), m.subsetNote(items)} {
		if text != "" {
			note("%s", text)
		}
	}
	return nil
}
