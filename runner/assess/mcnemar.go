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
func Compare(a, b *Evaluation) (Difference, bool) {
	if a.Several != nil && b.Several != nil {
		return compareSeveral(a, b)
	}
	first, second := a.byImage(), b.byImage()
	if len(first) != len(second) {
		return Difference{}, false
	}
	var d Difference
	for i := range first {
		x, y := a.Answers[first[i]], b.Answers[second[i]]
		switch {
		case x.Image != y.Image || a.Name(x.True) != b.Name(y.True):
			return Difference{}, false
		case x.Right() && !y.Right():
			d.OnlyFirst++
		case y.Right() && !x.Right():
			d.OnlySecond++
		}
	}
	d.P = binomialTest(d.OnlyFirst, d.OnlySecond)
	return d, true
}

// compareSeveral is Compare for images of any number of classes.
func compareSeveral(a, b *Evaluation) (d Difference, same bool) {
	key := func(e *Evaluation, x SeveralAnswer) string {
		names := make([]string, len(x.True))
		for i, class := range x.True {
			names[i] = e.Name(class)
		}
		slices.Sort(names)
		return fmt.Sprintf("%q %q", x.Image, names)
	}
	sorted := func(e *Evaluation) []SeveralAnswer {
		list := slices.Clone(e.SeveralAnswers)
		slices.SortStableFunc(list, func(x, y SeveralAnswer) int { return cmp.Compare(key(e, x), key(e, y)) })
		return list
	}
	first, second := sorted(a), sorted(b)
	if len(first) != len(second) {
		return d, false
	}
	for i, x := range first {
		y := second[i]
		switch {
		case key(a, x) != key(b, y):
			return Difference{}, false
		case x.Right() && !y.Right():
			d.OnlyFirst++
		case y.Right() && !x.Right():
			d.OnlySecond++
		}
	}
	d.P = binomialTest(d.OnlyFirst, d.OnlySecond)
	return d, true
}

// byImage lists the indices of the answers by image and then by true class, because a list can name an image twice.
func (e *Evaluation) byImage() []int {
	order := make([]int, len(e.Answers))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		a, b := e.Answers[i], e.Answers[j]
		return cmp.Or(cmp.Compare(a.Image, b.Image), cmp.Compare(e.Name(a.True), e.Name(b.True)))
	})
	return order
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
