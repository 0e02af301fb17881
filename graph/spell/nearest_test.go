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

// TestDidYouMean: a name that is far from all known ones gets no suggestion.
func TestDidYouMean(t *testing.T) {
	known := []string{"eurosat", "dtd", "kernel"}
	for name, want := range map[string]string{"eurosta": ": did you mean eurosat?", "DTT": ": did you mean dtd?", "imagenet-1k": "", "kern": ": did you mean kernel?"} {
		if got := DidYouMean(name, known); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	if got := DidYouMean("x", nil); got != "" {
		t.Errorf("without known names: %q", got)
	}
}
