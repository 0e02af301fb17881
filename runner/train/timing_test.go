package train

import (
	"math"
	"testing"
)

func TestTimingWarmup(t *testing.T) {
	var s stopwatch
	for _, v := range []float64{100, 90, 80, 70, 60, 3, 1, 4, 1, 5} {
		s.add(v)
	}
	// numpy.quantile([3, 1, 4, 1, 5], [.5, .1, .9]) = [3, 1, 4.6]
	got := s.timing()
	want := Timing{Steps: 5, Median: 3, Min: 1, Max: 5, P10: 1, P90: 4.6}
	if math.Abs(got.P90-want.P90) > 1e-12 {
		t.Errorf("P90 is %g", got.P90)
	}
	got.P90 = want.P90
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestTimingShort(t *testing.T) {
	var s stopwatch
	if s.timing() != (Timing{}) {
		t.Errorf("no step: %+v", s.timing())
	}
	s.add(7)
	s.add(9)
	if got := s.timing(); got.Median != 8 || got.Steps != 2 || got.Min != 7 || got.Max != 9 {
		t.Errorf("two steps: %+v", got)
	}
}

// TestTimingBounded: a long run keeps a bounded list that still stands for all of it.
func TestTimingBounded(t *testing.T) {
	var s stopwatch
	const n = 1_000_000
	for i := range n + warmupSteps {
		s.add(float64(i-warmupSteps) / n) // 0 .. 1 after the warm-up
	}
	got := s.timing()
	if len(s.kept) > maxTimes || cap(s.kept) > 2*maxTimes {
		t.Errorf("keeps %d of %d", len(s.kept), cap(s.kept))
	}
	if got.Steps != n || got.Min != 0 || got.Max != float64(n-1)/n {
		t.Errorf("%+v", got)
	}
	for _, c := range [][2]float64{{got.Median, 0.5}, {got.P10, 0.1}, {got.P90, 0.9}} {
		if math.Abs(c[0]-c[1]) > 1e-3 {
			t.Errorf("quantile %g, want about %g", c[0], c[1])
		}
	}
}
