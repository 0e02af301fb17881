package dtl

import (
	"fmt"
	"strconv"
	"testing"

	"dtl-tf/graph/backbone"
)

// TestCounts counts the trainable parameters of the built graph of ViT-B/16. The paper's counts exclude the classifier: 12
// blocks x 2 maps x rank 2 x 768, plus 768 k^2 for the convolution. The count of ViT-B/16 without head is timm's.
func TestCounts(t *testing.T) {
	const classes, all = 100, 85_798_656
	arch := must(backbone.Parse("vit_b16"))(t)
	for _, c := range []struct {
		method  string
		kernel  int
		trained int
		frozen  int
	}{
		{"dtl", 0, 36_864, all},
		{"dtl+", 3, 43_776, all},
		{"dtl+", 4, 49_152, all},
		{"dtl+", 5, 56_064, all},
		{"linear", 0, 0, all},
		{"full", 0, all, 0},
	} {
		t.Run(fmt.Sprintf("%s/%d", c.method, c.kernel), func(t *testing.T) {
			options := Options{}
			if c.kernel > 0 {
				options["kernel"] = strconv.Itoa(c.kernel)
			}
			method, _, err := newMethod(c.method, options, arch)
			if err != nil {
				t.Fatal(err)
			}
			model := must(New(Config{
				Arch: arch, Mean: [3]float64{0.5, 0.5, 0.5}, Std: [3]float64{0.5, 0.5, 0.5},
				Method: method, Pool: method.Pool(), Classes: classes,
			}))(t)
			want := Counts{Method: c.trained, Classifier: 768*classes + classes, Frozen: c.frozen}
			if got := model.Counts(); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

// TestCountsOfBackbones compares with timm's parameter counts of the models without head.
func TestCountsOfBackbones(t *testing.T) {
	for name, want := range map[string]int{"vit_b16": 85_798_656, "vit_s16": 21_665_664, "vit_ti16": 5_524_416} {
		if got := backbone.Parameters(must(backbone.Parse(name))(t)); got != want {
			t.Errorf("%s has %d parameters, want %d", name, got, want)
		}
	}
}
