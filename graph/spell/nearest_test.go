package spell

import "testing"

// TestDistance checks textbook examples and distances that are easy to count.
func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "dtl", 3}, {"dtl", "", 3}, {"dtl", "dtl", 0}, {"dlt", "dtl", 2}, {"kitten", "sitting", 3}, {"saturday", "sunday", 3},
	} {
		if got := Distance(c.a, c.b); got != c.want {
			t.Errorf("%q to %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
