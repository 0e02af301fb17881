package result

import "testing"

// TestBackboneDifference: one file with other flags is another backbone. What a record of an earlier version lacks is no difference.
func TestBackboneDifference(t *testing.T) {
	b := Backbone{SHA256: "ab", ImageSize: 224, Mean: []float64{0.5, 0.5, 0.5}, Std: []float64{0.5, 0.5, 0.5}, Heads: 12, Eps: 1e-6}
	for want, change := range map[string]func(*Backbone){
		"":                                 func(b *Backbone) { b.Path = "moved" },
		" ":                                func(b *Backbone) { *b = Backbone{SHA256: "ab"} },
		"the backbone of sha256: ab, cd":   func(b *Backbone) { b.SHA256 = "cd" },
		"the image size: 224, 48":          func(b *Backbone) { b.ImageSize = 48 },
		"the mean: [0.5 0.5 0.5], [0 0 0]": func(b *Backbone) { b.Mean = []float64{0, 0, 0} },
		"the std: [0.5 0.5 0.5], [1 1 1]":  func(b *Backbone) { b.Std = []float64{1, 1, 1} },
		"the number of heads: 12, 16":      func(b *Backbone) { b.Heads = 16 },
		"layer_norm_eps: 1e-06, 1e-05":     func(b *Backbone) { b.Eps = 1e-5 },
	} {
		other := b
		change(&other)
		got := ""
		if d := b.Difference(other); d != nil {
			got = d.Setting + ": " + d.First + ", " + d.Second
		}
		if got != want && !(want == " " && got == "") {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
