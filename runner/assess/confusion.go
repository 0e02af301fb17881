package assess

import (
	"cmp"
	"fmt"
	"slices"

	"dtl-tf/graph/spell"
)

// Class has the figures of one class. A pointer is nil if its figure is undefined: without images there is no recall, without
// predictions no precision.
type Class struct {
	Class     int
	Images    int // whose true class it is
	Predicted int // images for which it was predicted
	Right     int
	Precision *float64 // Right / Predicted
	Recall    *float64 // Right / Images
	F1        *float64 // 2 Right / (Images + Predicted)
}

// Confusion counts the images of one class for which another, or the same, was predicted.
type Confusion struct {
	True, Predicted int
	Count           int
	Of              int // images of the true class
}

// Matrix holds the confusion matrix of an evaluation, by its cells that are not zero: a dense one of 100,000 classes would take 80 GB.
type Matrix struct {
	Classes []Class // of all classes, by number
	cells   map[[2]int]int
}

// Confusions counts answers. classes is the number of classes.
func Confusions(classes int, answers []Answer) *Matrix {
	m := &Matrix{Classes: make([]Class, classes), cells: map[[2]int]int{}}
	for _, a := range answers {
		m.cells[[2]int{a.True, a.Predicted()}]++
		m.Classes[a.True].Images++
		m.Classes[a.Predicted()].Predicted++
		if a.Right() {
			m.Classes[a.True].Right++
		}
	}
	for i := range m.Classes {
		c := &m.Classes[i]
		c.Class = i
		c.Precision, c.Recall, c.F1 = fraction(c.Right, c.Predicted), fraction(c.Right, c.Images), fraction(2*c.Right, c.Images+c.Predicted)
	}
	return m
}

// fraction is a / b, nil if b is 0.
func fraction(a, b int) *float64 {
	if b == 0 {
		return nil
	}
	v := float64(a) / float64(b)
	return &v
}

// Count is the number of images of a true class for which a class was predicted.
func (m *Matrix) Count(class, predicted int) int { return m.cells[[2]int{class, predicted}] }

// Cells lists the cells that are not zero, those of the diagonal included, by true class and then by predicted class.
func (m *Matrix) Cells() []Confusion {
	list := make([]Confusion, 0, len(m.cells))
	for at, count := range m.cells {
		list = append(list, Confusion{at[0], at[1], count, m.Classes[at[0]].Images})
	}
	slices.SortFunc(list, func(a, b Confusion) int {
		return cmp.Or(cmp.Compare(a.True, b.True), cmp.Compare(a.Predicted, b.Predicted))
	})
	return list
}

// Worst lists the n most frequent confusions of different classes. Of equally frequent ones, that of the class with fewer images comes
// first.
func (m *Matrix) Worst(n int) []Confusion {
	list := slices.DeleteFunc(m.Cells(), func(c Confusion) bool { return c.True == c.Predicted })
	slices.SortStableFunc(list, func(a, b Confusion) int { return cmp.Or(b.Count-a.Count, a.Of-b.Of) })
	return list[:min(n, len(list))]
}

// WorstClasses lists the n classes with the lowest recall among those with images and mistakes. Of equal ones, that with the lower F1
// comes first.
func (m *Matrix) WorstClasses(n int) []Class {
	list := slices.DeleteFunc(slices.Clone(m.Classes), func(c Class) bool { return c.Images == 0 || c.Right == c.Images })
	slices.SortStableFunc(list, func(a, b Class) int {
		return cmp.Or(cmp.Compare(*a.Recall, *b.Recall), cmp.Compare(*a.F1, *b.F1))
	})
	return list[:min(n, len(list))]
}

// Words describes a confusion: "dog taken for horse: 12 of 50". name is the name of a class.
func (c Confusion) Words(name func(class int) string) string {
	return fmt.Sprintf("%s taken for %s: %d of %d", spell.Line(name(c.True)), spell.Line(name(c.Predicted)), c.Count, c.Of)
}
