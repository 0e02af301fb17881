package dtl

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/expect"
	"dtl-tf/graph/tensor"
)

// One size for all blocks, as in scripts/make_factor_vectors.py. The tests of all rivals cover this method too.
func init() {
	rivals["noah"] = Options{"adapter-sizes": "3", "lora-sizes": "2", "prompt-sizes": "4"}
	startsElsewhere["noah"] = true
}

// noahSizes has a different size for each block, 0 among them.
var noahSizes = Options{"adapter-sizes": "5,0,3,2", "lora-sizes": "2,3,0,1", "prompt-sizes": "3,1,0,4"}

// TestNOAHSizes compares logits and gradients with PyTorch's for different sizes in every block (see TestRivalVectors).
func TestNOAHSizes(t *testing.T) {
	bb := must(backbone.Load(t.Context(), filepath.Join("testdata", "backbone.safetensors"), backbone.Options{Heads: 2}))(t)
	batch := readWeights(t, filepath.Join("testdata", "images.safetensors"))
	want := readWeights(t, filepath.Join("testdata", "rival", "noah-sizes.safetensors"))
	values := tensor.Map{}
	for name, value := range want {
		if of, ok := strings.CutPrefix(name, "value/"); ok {
			values[of] = value
		}
	}
	method, options, err := newMethod("noah", noahSizes, bb.Architecture)
	if err != nil {
		t.Fatal(err)
	}
	for name, sizes := range noahSizes {
		if options[name] != sizes {
			t.Errorf("%s resolved to %q, want %q", name, options[name], sizes)
		}
	}
	model := must(New(Config{
		Arch: bb.Architecture, Std: [3]float64{1, 1, 1}, Method: method, Pool: backbone.PoolClass, Classes: 3, FloatImages: true,
	}))(t)
	s := openTrainer(t, model, Training{Batch: 2}, bb.Weights, 0, values)
	logits, _, gradients, err := gradientsOf(s, batch["images"], int32s(batch["labels"]))
	if err != nil {
		t.Fatal(err)
	}
	if off := relative(floats(logits), floats(want["logits"])); !(off <= 1e-5) {
		t.Errorf("logits off by %.2g\n got %v\nwant %v", off, logits, want["logits"])
	}
	if len(gradients) != len(values) {
		t.Errorf("%d gradients, want %d", len(gradients), len(values))
	}
	for name, g := range gradients {
		if off := relative(floats(g), floats(want["gradient/"+name])); !(off <= 1e-4) {
			t.Errorf("gradient of %s off by %.2g", name, off)
		}
	}
}

// TestNOAHCounts: 768 p + 3,072 r + 1,537 a + 768 parameters per block of ViT-B/16. The default is within 15 % of the published
// 0.43 M, and so is the subnet that the original search found for Caltech101.
func TestNOAHCounts(t *testing.T) {
	arch := must(backbone.Parse("vit_b16"))(t)
	got := methodCount(t, arch, "noah", nil)
	if got != 396_360 {
		t.Errorf("%d parameters, want 396,360", got)
	}
	nearPublished(t, "noah", got, 0.43)
	caltech := methodCount(t, arch, "noah", Options{
		"prompt-sizes":  "5,10,1,5,10,1,10,1,10,1,10,1",
		"lora-sizes":    "1,10,10,10,5,10,10,10,5,1,10,1",
		"adapter-sizes": "1,10,5,10,10,1,5,5,5,1,10,10",
	})
	if want := 768*65 + 3072*83 + 1537*73 + 12*768; caltech != want {
		t.Errorf("%d parameters with the sizes for Caltech101, want %d", caltech, want)
	}
	nearPublished(t, "noah", caltech, 0.43)
}

// TestNOAHStart: without prompts, training starts at the backbone's own logits, bit for bit, and with all sizes 0 NOAH is the
// plain backbone. Prompts start within PyTorch's Xavier bound for a supernet's [1, 100, d].
func TestNOAHStart(t *testing.T) {
	logits := func(c setting) []float32 {
		c.arch, c.adapter = two, head
		s := c.start(t)
		images, _ := someBatch(s.Trainer, 1)
		return must(s.Logits(images))(t).Float32()
	}
	want := logits(setting{method: "linear"})
	for _, options := range []Options{
		{"prompt-sizes": "0"},
		{"prompt-sizes": "0", "adapter-sizes": "0", "lora-sizes": "0"},
	} {
		if got := logits(setting{method: "noah", options: options}); !slices.Equal(got, want) {
			t.Errorf("%v starts with logits %v, the plain backbone has %v", options, got, want)
		}
	}
	s := setting{arch: two, method: "noah"}.start(t)
	drawn := must(s.ReadTrainable())(t)["blocks.1.visual_prompt_token"].Float32()
	bound := float32(math.Sqrt(6.0 / (101 * 12)))
	if smallest, largest := slices.Min(drawn), slices.Max(drawn); smallest < -bound || largest > bound || smallest > -0.9*bound || largest < 0.9*bound {
		t.Errorf("prompts of %v to %v, want them to fill +-%v", smallest, largest, bound)
	}
}

// TestNOAHErrors: lists of the wrong length, and sizes out of range.
func TestNOAHErrors(t *testing.T) {
	for _, c := range []struct {
		options Options
		want    []string
	}{
		{Options{"adapter-sizes": "8,8"}, []string{"adapter-sizes", "2 numbers", "4"}},
		{Options{"adapter-sizes": "13"}, []string{"adapter-sizes 13", "0 to 12"}},
		{Options{"lora-sizes": "1,2,x,4"}, []string{"lora-sizes", `"x"`}},
		{Options{"lora-sizes": ""}, []string{"lora-sizes", `""`}},
		{Options{"prompt-sizes": "1,2,3,-1"}, []string{"prompt-sizes -1", "0 to 4096"}},
	} {
		_, _, err := newMethod("noah", c.options, micro)
		expect.Error(t, err, c.want...)
	}
	_, options, err := newMethod("noah", Options{"lora-sizes": " 3, 3,3,3"}, micro)
	if err != nil || options["lora-sizes"] != "3" || options["adapter-sizes"] != "6" {
		t.Errorf("options %v, %v; want 3 in every block, and 6 by default", options, err)
	}
}
