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
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := setting{arch: two, method: name, options: rivals[name], adapter: randomRival}
			s := c.start(t)
			images, _ := someBatch(s.Trainer, 1)
			want := floats(must(s.Logits(images))(t))

			weights, adapter := must(backbone.Random(two, 5))(t).Weights, randomRival(s.Model)
			before := weights.SHA256()
			merged := must(Merge(s.Config.Method, two, weights, adapter))(t)
			if weights.SHA256() != before {
				t.Error("merging changed the weights that it was given")
			}
			method, _, err := newMethod("linear", nil, two)
			if err != nil {
				t.Fatal(err)
			}
			plain := must(New(Config{
				Arch: two, Std: [3]float64{1, 1, 1}, Method: method, Pool: backbone.PoolClass, Classes: 3, FloatImages: true,
			}))(t)
			classifier := tensor.Map{HeadWeight: adapter[HeadWeight], HeadBias: adapter[HeadBias]}
			got := floats(must(open(t, plain, merged, 0, classifier).Logits(images))(t))
			if off := apart(got, want); !(off <= 1e-4) {
				t.Errorf("off by %.2g\n got %v\nwant %v", off, got, want)
			}
			unmerged := floats(must(open(t, plain, weights, 0, classifier).Logits(images))(t))
			if apart(unmerged, want) < 0.01 {
				t.Error("the plain backbone has the same logits: there was nothing to merge")
			}
		})
	}
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
		_, err = Merge(method, two, weights, tensor.Map{})
		expect.Error(t, err, want...)
	}
	ssf := setting{arch: two, method: "ssf"}.start(t)
	adapter := randomRival(ssf.Model)
	adapter["blocks.1.mlp.ssf_scale_1"] = tensor.Zeros(5)
	_, err := Merge(ssf.Config.Method, two, weights, adapter)
	expect.Error(t, err, "blocks.1.mlp.ssf_scale_1", "[5]", "[48]")

	short := maps.Clone(weights)
	short["Transformer/encoderblock_1/MlpBlock_3/Dense_1/bias"] = tensor.Zeros(3)
	adapter["blocks.1.mlp.ssf_scale_1"] = tensor.Zeros(48)
	_, err = Merge(ssf.Config.Method, two, short, adapter)
	expect.Error(t, err, "Transformer/encoderblock_1/MlpBlock_3/Dense_1/bias", "[3]")
}
