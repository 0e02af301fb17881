package data

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"

	"dtl-tf/graph/spell"
)

// How many names and how many pairs of images a note names.
const (
	mostNames = 5
	mostPairs = 2
)

// Part is what a run reads of a data set for one purpose.
type Part struct {
	Name  string // of the split
	Items []Item
	Sums  [][sha256.Size]byte // of their files
}

// Findings are what a user should know of a data set before numbers are taken from it, a line each: classes without images and
// images that are there twice. test may be empty.
func (s *Set) Findings(train, test Part) []string {
	notes := slices.Concat(s.similarNames(), s.classesWithout(train, test))
	for _, note := range []string{s.sharedImages(train, test), s.twoLabels(train, test)} {
		if note != "" {
			notes = append(notes, note)
		}
	}
	return notes
}

// similarNames tells of class folders that a file system or a person may take for one.
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

// classesWithout tells which classes can't be learned or are not tested.
func (s *Set) classesWithout(train, test Part) (notes []string) {
	trained, tested := labelsOf(train.Items), labelsOf(test.Items)
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
			about := fmt.Sprintf("%d of %d classes (%s)", len(labels), s.Classes, spell.Few(s.classNames(labels), mostNames))
			notes = append(notes, about+fmt.Sprintf(format, args...))
		}
	}
	if s.Layout == LayoutLists && slices.Equal(nowhere, []int{0}) {
		notes = append(notes, "no image has the label 0: if the labels of these lists count from 1, subtract 1 from each; as they are, the classifier gets a class that never occurs")
		nowhere = nil
	}
	add(nowhere, " have no image in %s", joined(train, test))
	add(unlearned, " have images in %s but none in %s: what is never seen can't be learned", test.Name, train.Name)
	if len(test.Items) > 0 {
		add(untested, " have no image in %s: they are not tested", test.Name)
	}
	return notes
}

func joined(train, test Part) string {
	if len(test.Items) == 0 {
		return train.Name
	}
	return train.Name + " and " + test.Name
}

func labelsOf(items []Item) map[int]bool {
	labels := map[int]bool{}
	for _, item := range items {
		labels[item.Label] = true
	}
	return labels
}

// sharedImages tells of files that are both trained and tested on.
func (s *Set) sharedImages(train, test Part) string {
	at := map[[sha256.Size]byte]Item{}
	for i, item := range train.Items {
		if _, ok := at[train.Sums[i]]; !ok {
			at[train.Sums[i]] = item
		}
	}
	var pairs []string
	for i, item := range test.Items {
		first, ok := at[test.Sums[i]]
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
	return fmt.Sprintf("%d of %d images of %s are trained on too, as files of the same content: %s", len(pairs), len(test.Items), test.Name, spell.Few(pairs, mostPairs))
}

// twoLabels tells of files with the same content and different labels.
func (s *Set) twoLabels(parts ...Part) string {
	at := map[[sha256.Size]byte]Item{}
	told := map[[sha256.Size]byte]bool{}
	var pairs []string
	for _, part := range parts {
		for i, item := range part.Items {
			sum := part.Sums[i]
			first, ok := at[sum]
			switch {
			case !ok:
				at[sum] = item
			case first.Label != item.Label && !told[sum]:
				told[sum] = true
				pairs = append(pairs, fmt.Sprintf("%s (%s) = %s (%s)", first.Name, s.ClassName(first.Label), item.Name, s.ClassName(item.Label)))
			}
		}
	}
	if pairs == nil {
		return ""
	}
	return "files of the same content have two labels: " + spell.Few(pairs, mostPairs)
}

// UnseenNote tells which classes have images to train on that no training step gets, in epochs 1 to epochs. "" if there are
// none.
func (s *Set) UnseenNote(l *Loader, epochs int) string {
	unseen := labelsOf(l.items)
	for epoch := 1; epoch <= epochs && len(unseen) > 0; epoch++ {
		batches, err := l.Order(epoch)
		if err != nil {
			return "" // training says the same
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
	why := "each epoch drops what does not fill a batch, take a smaller --batch"
	if !l.options.Shuffle {
		why += " or leave out --shuffle=false"
	}
	return fmt.Sprintf("no training step gets an image of %d of %d classes (%s): %s", len(labels), s.Classes, spell.Few(s.classNames(labels), mostNames), why)
}
