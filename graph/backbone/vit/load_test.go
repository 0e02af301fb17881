package vit

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/expect"
	"dtl-tf/graph/tensor"
)

// TestLoadNPZ checks that weights in Google's layout are read back unchanged, with the architecture derived from the shapes.
func TestLoadNPZ(t *testing.T) {
	bb := random(t, tiny)
	read, err := backbone.Load(t.Context(), writeNPZ(t, bb.Weights), backbone.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if read.Architecture != tiny || read.Format != "npz" || read.Weights.SHA256() != bb.Weights.SHA256() {
		t.Errorf("read %+v, want %+v and the same weights", read.Architecture, tiny)
	}
	if read.Fingerprint() != bb.Fingerprint() {
		t.Error("the fingerprint changed on the way through a file")
	}
	if read.Mean != half || read.Std != half || read.Pool != backbone.PoolClass {
		t.Errorf("normalisation %v, %v and pool %v, want 0.5 and cls", read.Mean, read.Std, read.Pool)
	}
}

// TestLoadTimm checks where individual numbers of timm's layout end up. Linear weights are [out, in] there and [in, out]
// here, convolutions [d, 3, p, p] and [p, p, 3, d]. The rows of qkv are [q | k | v], each head-major.
func TestLoadTimm(t *testing.T) {
	source := timmNames()
	bb, err := backbone.Load(t.Context(), writeSafetensors(t, source), backbone.Options{Heads: 2})
	if err != nil {
		t.Fatal(err)
	}
	if bb.Architecture != tiny || bb.Format != "safetensors" {
		t.Fatalf("read %+v (%s), want %+v", bb.Architecture, bb.Format, tiny)
	}
	at := func(m tensor.Map, name string, index ...int) float32 {
		v, i := m[name], 0
		if len(v.Shape) != len(index) {
			t.Fatalf("%s has shape %v, index %v", name, v.Shape, index)
		}
		for axis, n := range v.Shape {
			i = i*n + index[axis]
		}
		return v.Float32()[i]
	}
	const attention, mlp = "Transformer/encoderblock_1/MultiHeadDotProductAttention_1/", "Transformer/encoderblock_1/MlpBlock_3/"
	d, width := tiny.Width, tiny.Width/tiny.Heads
	for what, pair := range map[string][2]float32{
		"patch embedding": {at(bb.Weights, patchKernel, 1, 2, 0, 5), at(source, "patch_embed.proj.weight", 5, 0, 1, 2)},
		"query":           {at(bb.Weights, attention+"query/kernel", 4, 1, 2), at(source, "blocks.1.attn.qkv.weight", width+2, 4)},
		"key":             {at(bb.Weights, attention+"key/kernel", 4, 1, 2), at(source, "blocks.1.attn.qkv.weight", d+width+2, 4)},
		"value":           {at(bb.Weights, attention+"value/kernel", 0, 0, 1), at(source, "blocks.1.attn.qkv.weight", 2*d+1, 0)},
		"value's bias":    {at(bb.Weights, attention+"value/bias", 1, 0), at(source, "blocks.1.attn.qkv.bias", 2*d+width)},
		"projection":      {at(bb.Weights, attention+"out/kernel", 1, 2, 5), at(source, "blocks.1.attn.proj.weight", 5, width+2)},
		"fc1":             {at(bb.Weights, mlp+"Dense_0/kernel", 3, 8), at(source, "blocks.1.mlp.fc1.weight", 8, 3)},
		"fc2":             {at(bb.Weights, mlp+"Dense_1/kernel", 8, 3), at(source, "blocks.1.mlp.fc2.weight", 3, 8)},
		"norm2":           {at(bb.Weights, "Transformer/encoderblock_1/LayerNorm_2/scale", 3), at(source, "blocks.1.norm2.weight", 3)},
		"final norm":      {at(bb.Weights, finalBias, 3), at(source, "norm.bias", 3)},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: read %v, timm has %v there", what, pair[0], pair[1])
		}
	}
}

// TestLoadHeads checks that heads are assumed to be 64 wide if the file leaves them open, and that the own head determines the
// number of classes.
func TestLoadHeads(t *testing.T) {
	arch := Architecture{Image: 4, Patch: 4, Width: 128, Depth: 1, Heads: 4, MLP: 4, Eps: backbone.LayerNormEps, Labels: 7}
	m := tensor.Map{}
	for name, shape := range map[string][]int{
		"patch_embed.proj.weight": {128, 3, 4, 4}, "patch_embed.proj.bias": {128}, "cls_token": {1, 1, 128}, "pos_embed": {1, 2, 128},
		"blocks.0.norm1.weight": {128}, "blocks.0.norm1.bias": {128}, "blocks.0.norm2.weight": {128}, "blocks.0.norm2.bias": {128},
		"blocks.0.attn.qkv.weight": {384, 128}, "blocks.0.attn.qkv.bias": {384},
		"blocks.0.attn.proj.weight": {128, 128}, "blocks.0.attn.proj.bias": {128},
		"blocks.0.mlp.fc1.weight": {4, 128}, "blocks.0.mlp.fc1.bias": {4}, "blocks.0.mlp.fc2.weight": {128, 4}, "blocks.0.mlp.fc2.bias": {128},
		"norm.weight": {128}, "norm.bias": {128}, "head.weight": {7, 128}, "head.bias": {7},
	} {
		m[name] = tensor.Zeros(shape...)
	}
	path := writeSafetensors(t, m)
	for given, heads := range map[int]int{0: 2, 4: 4} {
		bb, err := backbone.Load(t.Context(), path, backbone.Options{Heads: given})
		if err != nil {
			t.Fatal(err)
		}
		if arch.Heads = heads; bb.Architecture != arch {
			t.Errorf("%d heads given: read %+v, want %+v", given, bb.Architecture, arch)
		}
	}
}

// TestLoadErrors checks that files that make no backbone are refused with an error that names the file, the tensor and a remedy.
func TestLoadErrors(t *testing.T) {
	const query = "Transformer/encoderblock_0/MultiHeadDotProductAttention_1/query/kernel"
	const scale = "Transformer/encoderblock_1/LayerNorm_2/scale"
	nan := float32(math.NaN())
	type change func(m tensor.Map)
	for _, c := range []struct {
		what    string
		timm    bool
		change  change
		options backbone.Options
		want    []string
	}{
		{"npz: tensor missing", false, func(m tensor.Map) { delete(m, scale) }, backbone.Options{}, []string{scale}},
		{"npz: patch embedding missing", false, func(m tensor.Map) { delete(m, patchKernel) }, backbone.Options{}, []string{patchKernel}},
		{"npz: no blocks", false, func(m tensor.Map) { delete(m, "Transformer/encoderblock_0/LayerNorm_0/scale") }, backbone.Options{}, []string{"Transformer/encoderblock_0/LayerNorm_0/scale"}},
		{"npz: wrong shape", false, func(m tensor.Map) { m[scale] = tensor.Zeros(7) }, backbone.Options{}, []string{scale, "[7]", "[6]"}},
		{"npz: wrong rank", false, func(m tensor.Map) { m[query] = tensor.Zeros(6, 6) }, backbone.Options{}, []string{query, "[6 6]", "3 axes"}},
		{"npz: patches not square", false, func(m tensor.Map) { m[patchKernel] = tensor.Zeros(4, 2, 3, 6) }, backbone.Options{}, []string{patchKernel, "[4 2 3 6]", "[4 4 3 6]"}},
		{"npz: nothing in it", false, func(m tensor.Map) { m[patchKernel] = tensor.Zeros(0, 0, 3, 6) }, backbone.Options{}, []string{"image = 0"}},
		{"npz: no heads", false, func(m tensor.Map) { m[query] = tensor.Zeros(6, 0, 3) }, backbone.Options{}, []string{"heads = 0"}},
		{"npz: integers", false, func(m tensor.Map) { m[scale] = tensor.Must(make([]int32, 6), 6) }, backbone.Options{}, []string{scale, "does not hold floats"}},
		{"npz: NaN", false, func(m tensor.Map) { m[scale].Float32()[4] = nan }, backbone.Options{}, []string{scale, "NaN", "[4]"}},
		{"npz: infinite", false, func(m tensor.Map) { m[scale].Float32()[0] = float32(math.Inf(1)) }, backbone.Options{}, []string{scale, "infinite"}},
		{"npz: positions make no square", false, func(m tensor.Map) { m[positions] = tensor.Zeros(1, 6, 6) }, backbone.Options{}, []string{positions, "6 positions"}},
		{"npz: no positions", false, func(m tensor.Map) { m[positions] = tensor.Zeros(1, 0, 6) }, backbone.Options{}, []string{positions, "0 positions"}},
		{"npz: contradicting heads", false, nil, backbone.Options{Heads: 3}, []string{"the number of heads 3", "2 heads"}},
		{"npz: image size", false, nil, backbone.Options{Image: 10}, []string{"10 pixels", "patches of 4", "an image size that is a multiple of 4, such as 8 or 12"}},
		{"npz: too large an image size", false, nil, backbone.Options{Image: 1 << 20}, []string{"1048576 pixels", "a smaller image size"}},
		{"npz: negative image size", false, nil, backbone.Options{Image: -4}, []string{"image = -4"}},
		{"npz: std of zero", false, nil, backbone.Options{Std: &[3]float64{0.5, 0, 0.5}}, []string{"std", "above 0"}},
		{"npz: std that is no number", false, nil, backbone.Options{Std: &[3]float64{0.5, 0.5, math.NaN()}}, []string{"std"}},
		{"npz: infinite std", false, nil, backbone.Options{Std: &[3]float64{0.5, 0.5, math.Inf(1)}}, []string{"std"}},
		{"npz: mean that is no number", false, nil, backbone.Options{Mean: &[3]float64{math.NaN(), 0.5, 0.5}}, []string{"mean"}},

		{"timm: heads unknown", true, nil, backbone.Options{}, []string{"width of 6", "set the number of heads"}},
		{"timm: heads that don't divide", true, nil, backbone.Options{Heads: 4}, []string{"width of 6", "4 heads", "set the number of heads"}},
		{"timm: negative heads", true, nil, backbone.Options{Heads: -2}, []string{"heads = -2"}},
		{"timm: tensor missing", true, func(m tensor.Map) { delete(m, "blocks.1.attn.qkv.bias") }, backbone.Options{Heads: 2}, []string{"blocks.1.attn.qkv.bias"}},
		{"timm: norm missing", true, func(m tensor.Map) { delete(m, "blocks.0.norm1.weight") }, backbone.Options{Heads: 2}, []string{"there is no tensor blocks.0.norm1.weight"}},
		{"timm: patch embedding missing", true, func(m tensor.Map) { delete(m, "patch_embed.proj.weight") }, backbone.Options{Heads: 2}, []string{"patch_embed.proj.weight"}},
		{"timm: no MLP", true, func(m tensor.Map) { delete(m, "blocks.0.mlp.fc1.weight") }, backbone.Options{Heads: 2}, []string{"blocks.0.mlp.fc1.weight"}},
		{"timm: wrong shape", true, func(m tensor.Map) { m["blocks.1.attn.proj.weight"] = tensor.Zeros(6, 5) }, backbone.Options{Heads: 2}, []string{"blocks.1.attn.proj.weight", "[6 5]", "[6 6]"}},
		{"timm: wrong rank", true, func(m tensor.Map) { m["patch_embed.proj.weight"] = tensor.Zeros(6, 48) }, backbone.Options{Heads: 2}, []string{"patch_embed.proj.weight", "[6 48]"}},
		{"timm: patches not square", true, func(m tensor.Map) { m["patch_embed.proj.weight"] = tensor.Zeros(6, 3, 4, 2) }, backbone.Options{Heads: 2}, []string{"patch_embed.proj.weight", "[6 3 4 2]"}},
		{"timm: grey images", true, func(m tensor.Map) { m["patch_embed.proj.weight"] = tensor.Zeros(6, 1, 4, 4) }, backbone.Options{Heads: 2}, []string{"patch_embed.proj.weight", "[6 1 4 4]", "[6 3 4 4]"}},
		{"timm: integers", true, func(m tensor.Map) { m["norm.bias"] = tensor.Must(make([]int64, 6), 6) }, backbone.Options{Heads: 2}, []string{"norm.bias", "does not hold floats"}},
		{"timm: two class tokens", true, func(m tensor.Map) { m["pos_embed"] = tensor.Zeros(1, 6, 6) }, backbone.Options{Heads: 2}, []string{"pos_embed", "6 positions"}},
		{"timm: NaN", true, func(m tensor.Map) { m["blocks.0.mlp.fc2.weight"].Float32()[13] = nan }, backbone.Options{Heads: 2}, []string{"blocks.0.mlp.fc2.weight", "NaN", "[1 3]"}},
		{"timm: own head's bias missing", true, func(m tensor.Map) { m["head.weight"] = tensor.Zeros(9, 6) }, backbone.Options{Heads: 2}, []string{"head.bias"}},
		{"an adapter", true, func(m tensor.Map) {
			clear(m)
			m["lora_dict.0.lora_A"] = tensor.Zeros(2, 6)
		}, backbone.Options{}, []string{patchKernel}},
	} {
		t.Run(c.what, func(t *testing.T) {
			weights, write := timmNames(), writeSafetensors
			if !c.timm {
				weights, write = random(t, tiny).Weights, writeNPZ
			}
			if c.change != nil {
				c.change(weights)
			}
			path := write(t, weights)
			_, err := backbone.Load(t.Context(), path, c.options)
			expect.Error(t, err, append(c.want, path)...)
		})
	}
}

// TestLoadNoFile checks the errors for a missing path and for files that are no weight files.
func TestLoadNoFile(t *testing.T) {
	folder := t.TempDir()
	missing := filepath.Join(folder, "missing.npz")
	_, err := backbone.Load(t.Context(), missing, backbone.Options{})
	expect.Error(t, err, missing, "does not exist", "hf:OWNER/NAME for a model of a hub")
	_, err = backbone.Load(t.Context(), "google/vit-base-patch16-224.x", backbone.Options{})
	expect.Error(t, err, "does not exist", "or hf:google/vit-base-patch16-224.x if it is a model of a hub")
	for name, content := range map[string]string{"empty.npz": "", "page.safetensors": "<!DOCTYPE html>\n<html>not found</html>", "zip.npz": "PK\x03\x04 and no more"} {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := backbone.Load(t.Context(), path, backbone.Options{})
		expect.Error(t, err, path)
	}
}

// TestSidecar checks that a sidecar overrides the defaults, that flags override it, and that invalid values are refused.
func TestSidecar(t *testing.T) {
	path := writeNPZ(t, random(t, tiny).Weights)
	sidecar := backbone.Sidecar(path)
	put := func(text string) {
		t.Helper()
		if err := os.WriteFile(sidecar, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(`{"mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6], "pool": "mean"}`)
	bb, err := backbone.Load(t.Context(), path, backbone.Options{Std: &[3]float64{1, 2, 3}})
	if err != nil {
		t.Fatal(err)
	}
	want := backbone.Description{Architecture: tiny, Normalisation: backbone.Normalisation{Mean: [3]float64{0.1, 0.2, 0.3}, Std: [3]float64{1, 2, 3}, Pool: backbone.PoolMean}}
	if bb.Description != want {
		t.Errorf("read %+v, want %+v", bb.Description, want)
	}
	for text, part := range map[string]string{
		`{"mean": [0.1, 0.2`:           "JSON",
		`{"pool": "max"}`:              `"max"`,
		`{"std": [0.5, 0, 0.5]}`:       "std",
		`{"mean": "imagenet"}`:         "mean",
		`{"mean": [0.5]}`:              "mean",
		`{"std": [0.5, 0.5, 0.5, 2]}`:  "std",
		`{"std": [0.5, 0.5, -0.5]}`:    "std",
		`[0.5, 0.5, 0.5]`:              "mean",
		`{"mean": [null, 0.5, "0.5"]}`: "mean",
		`{"means": [0.5, 0.5, 0.5]}`:   `the key "means" is unknown: the keys are mean, std, pool, layer_norm_eps, heads`,
		`{"layer_norm_eps": 0}`:        "layer_norm_eps of 0",
		`{"heads": 3}`:                 "3 heads, the tensors have 2",
		`{"heads": 0}`:                 "0 heads",
	} {
		put(text)
		_, err := backbone.Load(t.Context(), path, backbone.Options{})
		t.Run(text, func(t *testing.T) { expect.Error(t, err, part) })
	}
}

// TestParse parses architectures by name and by description.
func TestParse(t *testing.T) {
	for _, name := range backbone.Names() {
		a, err := backbone.Parse(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if again, err := backbone.Parse(a.String()); err != nil || again != a {
			t.Errorf("%s: %q reads as %+v (%v), want %+v", name, a.String(), again, err, a)
		}
	}
	a, err := backbone.Parse("vit:heads=2,image=8,patch=4,width=6,depth=2,mlp=10")
	if err != nil || a != tiny {
		t.Errorf("got %+v (%v), want %+v", a, err, tiny)
	}
	for text, parts := range map[string][]string{
		"resnet50":                            {`"resnet50"`, "vit_b16", "vit:image="},
		"":                                    {`""`, "vit_b16"},
		"vit:":                                {"unknown setting"},
		"vit:image=32,patch=4,width=96":       {"depth = 0"},
		"vit:image=32,patch=4,colour=96":      {`"colour"`, "known: image"},
		"vit:image=32,patch=four":             {"patch", `"four"`},
		"vit:image=32,patch":                  {"patch", "whole number"},
		"vit:image=32,patch=4.5":              {"patch", `"4.5"`},
		"vit:image=99999999999999999999":      {"image", "99999999999999999999"},
		micr("image=30"):                      {"30 pixels", "patches of 4"},
		micr("heads=5"):                       {"width of 96", "5 heads"},
		micr("width=-96"):                     {"width = -96"},
		micr("depth=0"):                       {"depth = 0"},
		micr("mlp=2000000"):                   {"mlp = 2000000"},
		"vit:image=32,patch=4,width=96,,":     {"unknown setting"},
		"VIT_B16":                             {`"VIT_B16"`, "vit_b16"},
		"vit_b16,image=384":                   {"unknown architecture"},
		fmt.Sprintf("vit:image=%d", 1<<62):    {"image", "not possible"},
		"vit: image=32":                       {`" image"`},
		"vit:image=0x20,patch=4,width=96":     {`"0x20"`},
		"vit:image=+32,patch=4,width=96,mlp=": {"mlp"},
	} {
		t.Run(text, func(t *testing.T) {
			_, err := backbone.Parse(text)
			expect.Error(t, err, parts...)
		})
	}
}

// micr is a valid description with one setting changed.
func micr(change string) string {
	key, _, _ := strings.Cut(change, "=")
	var list []string
	for _, item := range []string{"image=32", "patch=4", "width=96", "depth=12", "heads=3", "mlp=384"} {
		if !strings.HasPrefix(item, key+"=") {
			list = append(list, item)
		}
	}
	return "vit:" + strings.Join(append(list, change), ",")
}
