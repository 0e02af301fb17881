package classify

import "testing"

// TestDoubt: a classifier that knows only the most frequent class, or less, is doubted; one that is right more often is not.
func TestDoubt(t *testing.T) {
	names := []string{"cat", "dog", "owl"}
	for _, c := range []struct {
		what            string
		labels, answers []int
		want            string
	}{
		{"all right", []int{0, 1, 2}, []int{0, 1, 2}, ""},
		{"one answer", []int{0, 1, 1, 2}, []int{1, 1, 1, 1}, "all 4 images get the same answer, dog, which is right for 50.0 %"},
		{"an answer that no image has", []int{0, 1}, []int{2, 2}, "all 2 images get the same answer, owl, which is right for 0.0 %"},
		{"right as often as the most frequent class", []int{0, 0, 1, 2}, []int{0, 1, 1, 1}, "the answers are right no more often than if all were cat, the class of 50.0 % of the images"},
		{"right more often", []int{0, 0, 1, 2}, []int{0, 0, 1, 1}, ""},
		{"of equally frequent classes the first", []int{2, 1}, []int{1, 2}, "the answers are right no more often than if all were dog, the class of 50.0 % of the images"},
		{"images of one class", []int{1, 1}, []int{0, 0}, ""},
	} {
		counts := NewTally()
		for i, label := range c.labels {
			counts.Add(label, c.answers[i])
		}
		if got := counts.Score().Doubt.Words(func(class int) string { return names[class] }); got != c.want {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
	}
}
