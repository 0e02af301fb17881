package stat

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

// TestQuantile: the median of an even number of values is the mean of the two in the middle.
func TestQuantile(t *testing.T) {
	if m := Quantile([]float64{1, 3, 5}, 0.5); m != 3 {
		t.Error(m)
	}
	if m := Quantile([]float64{1, 2, 3, 5}, 0.5); m != 2.5 {
		t.Error(m)
	}
}
