package result

import (
	"testing"

	"dtl-tf/runner/train"
)

// TestSelection: the first of equals is chosen, also if all are 0, and a loss decides nothing.
func TestSelection(t *testing.T) {
	for _, c := range []struct {
		top1        []float64
		chosen, age int
	}{
		{nil, 0, 0},
		{[]float64{12.5}, 1, 0},
		{[]float64{10, 20, 30}, 3, 0},
		{[]float64{50, 70, 70, 60}, 2, 2},
		{[]float64{70, 50, 70, 70}, 1, 3},
		{[]float64{0, 0, 0}, 1, 2},
		{[]float64{0, 0, 1e-9}, 3, 0},
		{[]float64{100, 100}, 1, 1},
	} {
		var s Selection
		for i, v := range c.top1 {
			before := s.Chosen
			if best := s.Add(train.Look{Epoch: i + 1, Top1: v, Loss: 1 / float64(i+1)}); best != (s.Chosen != before) {
				t.Errorf("%v: look %d is the best: %v", c.top1, i+1, best)
			}
		}
		if s.Chosen != c.chosen || s.Age() != c.age || s.Best().Epoch != c.chosen || len(s.Looks) != len(c.top1) {
			t.Errorf("%v: epoch %d, %d looks old, %+v; want epoch %d, %d looks old", c.top1, s.Chosen, s.Age(), s.Best(), c.chosen, c.age)
		}
	}
}
