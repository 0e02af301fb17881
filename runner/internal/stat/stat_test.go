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

// TestQuantile: quantiles between two values are interpolated, as by numpy.quantile.
func TestQuantile(t *testing.T) {
	for _, c := range []struct {
		values  []float64
		q, want float64
	}{
		{[]float64{1, 3, 5}, 0.5, 3},
		{[]float64{1, 2, 3, 5}, 0.5, 2.5},
		{[]float64{1, 2, 3, 4, 5}, 0.1, 1.4},
		{[]float64{1, 2, 3, 4, 5}, 0.9, 4.6},
		{[]float64{7}, 0.9, 7},
	} {
		if got := Quantile(c.values, c.q); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("quantile %v of %v: %v, want %v", c.q, c.values, got, c.want)
		}
	}
}
