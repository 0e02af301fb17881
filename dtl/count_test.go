package dtl

import (
	"fmt"
	"slices"
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

// TestSwinCounts counts the trainable parameters of the built graph of Swin-B without the classifier. Its stages have 2, 2, 18 and 2
// blocks of the widths d = 128, 256, 512 and 1,024, with 4, 8, 16 and 32 heads; the sum of d over the blocks is
// 2 x 128 + 2 x 256 + 18 x 512 + 2 x 1,024 = 12,032, that of the heads 2 x 4 + 2 x 8 + 18 x 16 + 2 x 32 = 376.
//
//	full         timm's count without head
//	bitfit       11 d a block (norms 2, q, k, v 3, projection 1, fc1 4, fc2 1): 132,352; tables of 13^2 = 169 rows x heads: 63,544;
//	             patch embedding and its norm 2 x 128; norms of the merging 4 (128 + 256 + 512) = 3,584; final norm 1,024
//	lora         q and v, 2 maps of rank 8: 2 x 2 x 8 x 12,032
//	adapter      2 maps of width 8 with biases: (2 x 8 + 1) x 12,032 + 8 x 24; likewise adaptformer
//	adapter+     that and a scale a channel: + 12,032
//	ssf          2 x 11 d a block: 264,704; patch embedding and its norm 2 x 2 x 128; merging 2 x 3,584; final norm 2 x 1,024
//	vpt-shallow  50 x 128
//	vpt-deep     50 x 12,032
//	dtl          2 maps of rank 4 in the blocks 4 to 23: 2 x 4 x (18 x 512 + 2 x 1,024)
//	dtl+         that and 5 x 5 filters of all stages, 25 (128 + 256 + 512 + 1,024) = 48,000. The feedback starts in block 14, so
//	             the filters of the first two stages are unused: 25 (128 + 256) = 9,600. The remaining 128,512 train.
func TestSwinCounts(t *testing.T) {
	const classes, all = 100, 86_743_224
	arch := must(backbone.Parse("swin_b"))(t)
	for method, want := range map[string]Counts{
		"full":        {Method: all},
		"linear":      {Frozen: all},
		"bitfit":      {Method: 200_760, Frozen: all - 200_760},
		"lora":        {Method: 385_024, Frozen: all},
		"adapter":     {Method: 204_736, Frozen: all},
		"adapter+":    {Method: 216_768, Frozen: all},
		"adaptformer": {Method: 204_736, Frozen: all},
		"ssf":         {Method: 274_432, Frozen: all},
		"vpt-shallow": {Method: 6_400, Frozen: all},
		"vpt-deep":    {Method: 601_600, Frozen: all},
		"dtl":         {Method: 90_112, Frozen: all},
		"dtl+":        {Method: 138_112, Unused: 9_600, Frozen: all},
	} {
		t.Run(method, func(t *testing.T) {
			m, _, err := newMethod(method, nil, arch)
			if err != nil {
				t.Fatal(err)
			}
			model := must(New(Config{Arch: arch, Std: [3]float64{1, 1, 1}, Method: m, Pool: backbone.PoolMean, Classes: classes}))(t)
			want.Classifier = 1024*classes + classes
			if got := model.Counts(); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
			var unused []string
			if method == "dtl+" {
				unused = []string{"lora_fusions.0.weight", "lora_fusions.1.weight"}
			}
			if got := model.Unused(); !slices.Equal(got, unused) {
				t.Errorf("unused are %v, want %v", got, unused)
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
