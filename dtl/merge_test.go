package dtl

import (
	"maps"
	"testing"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/expect"
	"dtl-tf/graph/tensor"
)

// TestMerge: the plain backbone with merged weights gives the logits of the frozen backbone with the method.
func TestMerge(t *testing.T) {
	for _, name := range []string{"bitfit", "lora", "ssf"} {
		checkMerge(t, setting{arch: two, method: name, options: rivals[name], adapter: randomRival})
		checkMerge(t, onSwin(name))
	}
}

func checkMerge(t *testing.T, c setting) {
	t.Run(c.arch.Family()+"/"+c.method, func(t *testing.T) {
		t.Parallel()
		s := c.start(t)
		images, _ := someBatch(s.Trainer, 1)
		want := floats(must(s.Logits(images))(t))

		_, _, start := c.resolve(t)
		weights, adapter := start.Weights, randomRival(s.Model)
		before := weights.SHA256()
		arch, merged, err := Merge(s.Config.Method, c.arch, weights, adapter)
		if err != nil {
			t.Fatal(err)
		}
		if weights.SHA256() != before {
			t.Error("merging changed the weights that it was given")
		}
		method, _, err := newMethod("linear", nil, c.arch)
		if err != nil {
			t.Fatal(err)
		}
		plain := must(New(Config{
			Arch: arch, Std: [3]float64{1, 1, 1}, Method: method, Pool: s.Config.Pool, Classes: 3, FloatImages: true,
		}))(t)
		classifier := tensor.Map{HeadWeight: adapter[HeadWeight], HeadBias: adapter[HeadBias]}
		got := floats(must(open(t, plain, merged, 0, classifier).Logits(images))(t))
		if off := relative(got, want); !(off <= 1e-5) {
			t.Errorf("off by %.2g\n got %v\nwant %v", off, got, want)
		}
		frozen := must(New(Config{
			Arch: c.arch, Std: [3]float64{1, 1, 1}, Method: method, Pool: s.Config.Pool, Classes: 3, FloatImages: true,
		}))(t)
		unmerged := floats(must(open(t, frozen, weights, 0, classifier).Logits(images))(t))
		if apart(unmerged, want) < 0.01 {
			t.Error("the plain backbone has the same logits: there was nothing to merge")
		}
	})
}

// TestMergeErrors: errors name the method or tensor that cannot be merged.
func TestMergeErrors(t *testing.T) {
	weights := must(backbone.Random(two, 5))(t).Weights
	for name, want := range map[string][]string{
		"dtl": {"dtl", "bitfit", "lora", "ssf"}, "vpt-deep": {"vpt-deep"},
		"lora": {"merge lora", "blocks.0.attn."}, "ssf": {"merge ssf", "patch_embed.ssf_scale_1"},
	} {
		method, _, err := newMethod(name, nil, two)
		expect.NoError(t, err)
		_, _, err = Merge(method, two, weights, tensor.Map{})
		expect.Error(t, err, want...)
	}
	ssf := setting{arch: two, method: "ssf"}.start(t)
	adapter := randomRival(ssf.Model)
	adapter["blocks.1.mlp.ssf_scale_1"] = tensor.Zeros(5)
	_, _, err := Merge(ssf.Config.Method, two, weights, adapter)
	expect.Error(t, err, "blocks.1.mlp.ssf_scale_1", "[5]", "[48]")

	short := maps.Clone(weights)
	short["Transformer/encoderblock_1/MlpBlock_3/Dense_1/bias"] = tensor.Zeros(3)
	adapter["blocks.1.mlp.ssf_scale_1"] = tensor.Zeros(48)
	_, _, err = Merge(ssf.Config.Method, two, short, adapter)
	expect.Error(t, err, "Transformer/encoderblock_1/MlpBlock_3/Dense_1/bias", "[3]")
}
