package data

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"

	"dtl-tf/graph/spell"
)

// Limits on the names and on the pairs of images that a note lists.
const (
	maxNames = 5
	maxPairs = 2
)

// Part is a split as a run uses it.
type Part struct {
	Name  string // of the split
	Items []Item
	Sums  [][sha256.Size]byte // see Sums
}

// Findings reports problems of a data set that distort results, a line each: classes without images and duplicate images. test
// may be empty.
func (s *Set) Findings(train, test Part) []string {
	notes := append(s.ClassNotes(train, test), s.SharedImages(train, test), s.twoLabels(train, test))
	return slices.DeleteFunc(notes, func(note string) bool { return note == "" })
}

// ClassNotes reports classes without images, and names of classes that look the same.
func (s *Set) ClassNotes(train, test Part) []string {
	return append(s.similarNames(), s.classesWithout(train, test)...)
}

// similarNames reports class folders that a file system or a person may take for the same.
func (s *Set) similarNames() (notes []string) {
	first := map[string]string{}
	for _, name := range s.ClassNames {
		folded := spell.Fold(name)
		if other, ok := first[folded]; ok {
			notes = append(notes, fmt.Sprintf("the class folders %+q and %+q differ only in case or in how letters are composed: they are taken as two classes", other, name))
		} else {
			first[folded] = name
		}
	}
	return notes
}

// classesWithout reports the classes that lack images in train, in test or in both.
func (s *Set) classesWithout(train, test Part) (notes []string) {
	trained, tested := s.classesIn(train.Items), s.classesIn(test.Items)
	var nowhere, unlearned, untested []int
	for label := range s.Classes {
		switch {
		case !trained[label] && !tested[label]:
			nowhere = append(nowhere, label)
		case !trained[label]:
			unlearned = append(unlearned, label)
		case !tested[label]:
			untested = append(untested, label)
		}
	}
	add := func(labels []int, format string, args ...any) {
		if len(labels) > 0 {
			about := fmt.Sprintf("%d of %d classes (%s)", len(labels), s.Classes, s.fewClasses(labels))
			notes = append(notes, about+fmt.Sprintf(format, args...))
		}
	}
	if s.Layout == LayoutLists && slices.Equal(nowhere, []int{0}) {
		notes = append(notes, "no image has the label 0: if the labels of these lists count from 1, subtract 1 from each; as they are, the classifier gets a class that never occurs")
		nowhere = nil
	}
	splits := train.Name
	if len(test.Items) > 0 {
		splits += " and " + test.Name
	}
	add(nowhere, " have no image in %s", splits)
	add(unlearned, " have images in %s but none in %s: what is never seen can't be learned", test.Name, train.Name)
	if len(test.Items) > 0 {
		add(untested, " have no image in %s: they are not tested", test.Name)
	}
	return notes
}

// classesIn are the classes that images have.
func (s *Set) classesIn(items []Item) map[int]bool {
	in := map[int]bool{}
	for _, item := range items {
		for _, class := range s.ClassesOf(item) {
			in[class] = true
		}
	}
	return in
}

func labelsOf(items []Item) map[int]bool {
	labels := map[int]bool{}
	for _, item := range items {
		labels[item.Label] = true
	}
	return labels
}

// SharedImages reports files of test with the same content as a file of train; "" if there are none.
func (s *Set) SharedImages(train, test Part) string {
	trained := map[[sha256.Size]byte]Item{}
	for i, item := range slices.Backward(train.Items) {
		trained[train.Sums[i]] = item // the first wins
	}
	var pairs []string
	for i, item := range test.Items {
		first, ok := trained[test.Sums[i]]
		switch {
		case ok && first.Name == item.Name:
			pairs = append(pairs, item.Name)
		case ok:
			pairs = append(pairs, item.Name+" = "+first.Name)
		}
	}
	if pairs == nil {
		return ""
	}
	return fmt.Sprintf("%d of %d images of %s are also in the training data, as files with the same content: %s", len(pairs), len(test.Items), test.Name, spell.Few(pairs, maxPairs))
}

// twoLabels reports files with the same content and different labels.
func (s *Set) twoLabels(parts ...Part) string {
	firsts := map[[sha256.Size]byte]Item{}
	reported := map[[sha256.Size]byte]bool{}
	var pairs []string
	for _, part := range parts {
		for i, item := range part.Items {
			sum := part.Sums[i]
			first, ok := firsts[sum]
			switch {
			case !ok:
				firsts[sum] = item
			case first.Label != item.Label && !reported[sum]:
				reported[sum] = true
				pairs = append(pairs, fmt.Sprintf("%s (%s) = %s (%s)", first.Name, s.ClassName(first.Label), item.Name, s.ClassName(item.Label)))
			}
		}
	}
	if pairs == nil {
		return ""
	}
	return "files with the same content have different labels: " + spell.Few(pairs, maxPairs)
}

// UnseenNote names classes whose training images occur in no step of epochs 1 to epochs. It returns "" if every class occurs.
func (s *Set) UnseenNote(l *Loader, epochs int) string {
	unseen := labelsOf(l.items)
	for epoch := 1; epoch <= epochs && len(unseen) > 0; epoch++ {
		batches, err := l.Order(epoch)
		if err != nil {
			return "" // training reports the same error
		}
		for _, batch := range batches {
			for _, index := range batch {
				delete(unseen, l.items[index].Label)
			}
		}
	}
	if len(unseen) == 0 {
		return ""
	}
	labels := slices.Sorted(maps.Keys(unseen))
	why := "each epoch drops images that do not fill a batch, use a smaller --batch"
	if l.options.Balanced {
		why = "the draws of --sampler balanced miss them, train for more epochs"
	}
	if !l.options.Shuffle {
		why += " or leave out --shuffle=false"
	}
	return fmt.Sprintf("no training step gets an image of %d of %d classes (%s): %s", len(labels), s.Classes, s.fewClasses(labels), why)
}
