package classify

import (
	"fmt"
	"maps"
	"slices"

	"dtl-tf/runner/report"
)

// Tally counts answers and labels by class.
type Tally struct {
	images, right    int
	answered, labels map[int]int
}

// NewTally returns an empty tally.
func NewTally() *Tally { return &Tally{answered: map[int]int{}, labels: map[int]int{}} }

// Add counts an answer for an image of class label.
func (t *Tally) Add(label, answer int) {
	t.images++
	t.labels[label]++
	t.answered[answer]++
	if answer == label {
		t.right++
	}
}

// Score is the score of what was counted, the zero value if that is nothing.
func (t *Tally) Score() Score {
	return Score{Top1: 100 * float64(t.right) / float64(max(t.images, 1)), Images: t.images, Doubt: t.doubt()}
}

// doubt compares the answers with those of a classifier that knows nothing but the most frequent class. Images of a single class tell
// nothing.
func (t *Tally) doubt() Doubt {
	if len(t.labels) < 2 {
		return Doubt{}
	}
	if len(t.answered) == 1 {
		only := slices.Collect(maps.Keys(t.answered))[0]
		return Doubt{oneAnswer, only, t.labels[only], t.images}
	}
	class, of := 0, 0
	for _, label := range slices.Sorted(maps.Keys(t.labels)) {
		if n := t.labels[label]; n > of {
			class, of = label, n
		}
	}
	if t.right > of {
		return Doubt{}
	}
	return Doubt{noBetter, class, of, t.images}
}

// Doubt is a reason to think that a classifier has learnt nothing. The zero value is none.
type Doubt struct {
	kind   doubtKind
	Class  int // the only answer, or the most frequent class of the images
	Of     int // images of this class
	Images int
}

type doubtKind int

const (
	oneAnswer doubtKind = 1 + iota // all images get the same answer
	noBetter                       // the same answer for all images would be right as often, or more often
)

// Words says the doubt, with the names of the classes. "" if there is none.
func (d Doubt) Words(name func(class int) string) string {
	share := fmt.Sprintf("%.1f %%", 100*float64(d.Of)/float64(max(d.Images, 1)))
	switch d.kind {
	case oneAnswer:
		return fmt.Sprintf("all %s get the same answer, %s, which is right for %s", report.Count(d.Images, "image"), name(d.Class), share)
	case noBetter:
		return fmt.Sprintf("the answers are right no more often than if all were %s, the class of %s of the images", name(d.Class), share)
	}
	return ""
}
