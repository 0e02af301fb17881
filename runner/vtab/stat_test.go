package vtab

import (
	"math"
	"testing"
)

// TestDeviation: of 2, 4, 4, 4, 5, 5, 7, 9 the squares of the distances from the mean 5 add up to 32.
func TestDeviation(t *testing.T) {
	values := []float64{2, 4, 4, 4, 5, 5, 7, 9}
	if m := Mean(values); m != 5 {
		t.Errorf("mean %v", m)
	}
	if d := Deviation(values); math.Abs(d-math.Sqrt(32.0/7)) > 1e-12 {
		t.Errorf("deviation %v", d)
	}
}
