package assess

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Difference compares the answers of two classifiers about the same images.
type Difference struct {
	OnlyFirst, OnlySecond int     // images that only one of them gets right
	P                     float64 // of McNemar's test
}

// Compare runs McNemar's exact test on the answers of two evaluations (Q. McNemar, Note on the sampling error of the difference between
// correlated proportions or percentages, Psychometrika 12, 1947): how probable it is that two equally good classifiers differ by as
// many images or more. It reports false if the evaluations are not of the same images with the same true classes. An image of any number
// of classes is right if all its classes are.
func Compare(a, b *Evaluation) (d Difference, same bool) {
	first, second := a.outcomes(), b.outcomes()
	if len(first) != len(second) || (a.Several != nil) != (b.Several != nil) || !sameImages(a.Record, b.Record) {
		return Difference{}, false
	}
	for i, x := range first {
		y := second[i]
		switch {
		case x.key != y.key:
			return Difference{}, false
		case x.right && !y.right:
			d.OnlyFirst++
		case y.right && !x.right:
			d.OnlySecond++
		}
	}
	d.P = binomialTest(d.OnlyFirst, d.OnlySecond)
	return d, true
}

// sameImages reports whether two evaluations are of the same files, as far as their records tell: those of earlier versions have only the
// place of the data set.
func sameImages(a, b Record) bool {
	if a.Content != "" && b.Content != "" {
		return a.Content == b.Content
	}
	return a.Data == b.Data
}

// outcome is whether the answer for an image is right. The key is the image with its true classes, because a list can name an image twice.
type outcome struct {
	key   string
	right bool
}

// outcomes lists the answers' outcomes by key.
func (e *Evaluation) outcomes() (list []outcome) {
	add := func(image string, right bool, classes ...int) {
		names := make([]string, len(classes))
		for i, class := range classes {
			names[i] = e.Name(class)
		}
		slices.Sort(names)
		list = append(list, outcome{fmt.Sprintf("%q %q", image, names), right})
	}
	if e.Several != nil {
		for _, x := range e.SeveralAnswers {
			add(x.Image, x.Right(), x.True...)
		}
	} else {
		for _, x := range e.Answers {
			add(x.Image, x.Right(), x.True)
		}
	}
	slices.SortStableFunc(list, func(x, y outcome) int { return cmp.Compare(x.key, y.key) })
	return list
}

// binomialTest is the two-sided probability of a split of a + b fair coins that is at least as uneven as a to b.
func binomialTest(a, b int) float64 {
	n := float64(a + b)
	all, _ := math.Lgamma(n + 1)
	sum := 0.0
	for k := range min(a, b) + 1 {
		x, _ := math.Lgamma(float64(k) + 1)
		y, _ := math.Lgamma(n - float64(k) + 1)
		sum += math.Exp(all - x - y - n*math.Ln2)
	}
	return min(1, 2*sum)
}
