package vit

import (
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/expect"
	"dtl-tf/graph/tensor"
	"dtl-tf/graph/weight"
)

// notComputed is the beginnings of the names of test networks that this package does not compute. It must refuse them.
var notComputed = []string{"hf_beit"}

// TestNamingsCompute compares networks in the names of each library to that library, which computed in float64 (see
// scripts/make_naming_vectors.py): the class token or the pooled vector, the patches after the last norm, and the own head.
func TestNamingsCompute(t *testing.T) {
	folder := filepath.Join("naming", "testdata")
	expected, err := weight.Open(filepath.Join(folder, "expected.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.safetensors"))
	if err != nil || len(files) < 2 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, path := range files {
		name := strings.TrimSuffix(filepath.Base(path), ".safetensors")
		if name == "expected" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			bb, err := backbone.Load(t.Context(), path, backbone.Options{Heads: 2, Image: 16, Mean: &half, Std: &half})
			if slices.ContainsFunc(notComputed, func(start string) bool { return strings.HasPrefix(name, start) }) {
				if err == nil {
					t.Error("it is read now: take it out of notComputed")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := func(what string) tensor.Tensor { return expected.Tensors[name+"/"+what] }
			compareNaming(t, bb, want)
		})
	}
}

func compareNaming(t *testing.T, bb *backbone.Backbone, want func(what string) tensor.Tensor) {
	t.Helper()
	pool, vector := backbone.PoolClass, want("class")
	if pooled := want("pooled"); pooled.Data != nil {
		pool, vector = bb.Pool, pooled
	}
	logits := want("logits")
	var last graph.Value
	found := runImages(t, bb, formulaImages(bb.ImageSize()), func(b *graph.Builder, f *backbone.Forward, x graph.Value) []graph.Value {
		f.Hook = func(_ *graph.Builder, at backbone.Tap, _, out graph.Value) graph.Value {
			if at.Point == backbone.BlockOutput && at.Block.Index == len(bb.Blocks())-1 {
				last = out
			}
			return out
		}
		out := []graph.Value{f.Features(b.In("vector"), x, pool), last}
		if logits.Data != nil && bb.Classes() > 0 {
			out = append(out, bb.OwnHead(f, b, f.Features(b.In("own"), x, bb.Pool)))
		}
		return out
	})
	near32(t, "vector", found[0].Float32(), vector.Float32())
	block := bb.Blocks()[0]
	var patches []float32
	i := 0
	for token := range slices.Chunk(found[1].Float32(), block.Width) {
		if i%block.Tokens() >= block.Prefix {
			patches = append(patches, normedToken(bb, token)...)
		}
		i++
	}
	near32(t, "patches", patches, want("patches").Float32())
	if logits.Data == nil {
		return
	}
	if len(found) < 3 {
		t.Fatal("its own head is not read")
	}
	near32(t, "own head", found[2].Float32(), logits.Float32())
}

// normedToken is the last norm of a token, in float64.
func normedToken(bb *backbone.Backbone, x []float32) []float32 {
	mean, variance := 0.0, 0.0
	for _, v := range x {
		mean += float64(v) / float64(len(x))
	}
	for _, v := range x {
		variance += (float64(v) - mean) * (float64(v) - mean) / float64(len(x))
	}
	out := make([]float32, len(x))
	scale, bias := bb.Weights[finalScale].Float32(), bb.Weights[finalBias].Float32()
	for i, v := range x {
		out[i] = float32((float64(v)-mean)/math.Sqrt(variance+bb.NormEps())*float64(scale[i]) + float64(bias[i]))
	}
	return out
}

// near32 fails if two vectors differ by more than float32 products allow in networks of this size.
func near32(t *testing.T, what string, got, want []float32) {
	t.Helper()
	off := farthest(got, want)
	t.Logf("%s: off by %.1e", what, off)
	if !(off <= 2e-5) {
		t.Errorf("%s: off by %.2g, want at most 2e-5", what, off)
	}
}

// foreign is the tensors of a test network in the names of its library.
func foreign(t *testing.T, name string) tensor.Map {
	t.Helper()
	f, err := weight.Open(filepath.Join("naming", "testdata", name+".safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	return f.Tensors
}

// TestNamingErrors checks that errors about a renamed tensor have its name in the file.
func TestNamingErrors(t *testing.T) {
	const block = "vit.encoder.layer.1."
	for what, c := range map[string]struct {
		change func(m tensor.Map)
		want   []string
	}{
		"missing":        {func(m tensor.Map) { delete(m, block+"layernorm_before.weight") }, []string{"there is no tensor " + block + "layernorm_before.weight"}},
		"missing parts":  {func(m tensor.Map) { deletePart(m, block+"attention.attention.") }, []string{"there is no tensor " + block + "attention.attention.query.weight"}},
		"other shape":    {func(m tensor.Map) { m[block+"output.dense.weight"] = tensor.Zeros(24, 40) }, []string{block + "output.dense.weight", "read as blocks.1.mlp.fc2.weight", "[24 40]"}},
		"integers":       {func(m tensor.Map) { m["vit.layernorm.bias"] = tensor.Must(make([]int64, 24), 24) }, []string{"vit.layernorm.bias does not hold floats"}},
		"not a number":   {func(m tensor.Map) { m[block+"attention.attention.key.weight"].Float32()[25] = float32(math.NaN()) }, []string{block + "attention.attention.key.weight", "NaN", "[1 1]"}},
		"unknown":        {func(m tensor.Map) { m[block+"adapter.weight"] = tensor.Zeros(3) }, []string{"no place", block + "adapter.weight"}},
		"timm's own":     {func(m tensor.Map) { m["head.weight"] = tensor.Zeros(5, 24) }, []string{"no place", "head.weight"}},
		"a gap":          {func(m tensor.Map) { renameBlock(m, block, "vit.encoder.layer.3.") }, []string{"there is a vit.encoder.layer.3.", "but no vit.encoder.layer.1.", "vit.encoder.layer.2."}},
		"positions":      {func(m tensor.Map) { m["vit.embeddings.position_embeddings"] = tensor.Zeros(1, 18, 24) }, []string{"vit.embeddings.position_embeddings has 18 positions"}},
		"rank":           {func(m tensor.Map) { m["vit.embeddings.patch_embeddings.projection.weight"] = tensor.Zeros(24, 48) }, []string{"vit.embeddings.patch_embeddings.projection.weight [24 48]"}},
		"key missing":    {func(m tensor.Map) { delete(m, block+"attention.attention.key.weight") }, []string{"there is no tensor " + block + "attention.attention.key.weight"}},
		"bias of a head": {func(m tensor.Map) { delete(m, "classifier.bias") }, []string{"there is no tensor classifier.bias"}},
	} {
		t.Run(what, func(t *testing.T) {
			m := foreign(t, "hf_vit")
			c.change(m)
			path := writeSafetensors(t, m)
			_, err := backbone.Load(t.Context(), path, backbone.Options{Heads: 2})
			expect.Error(t, err, append(c.want, path)...)
		})
	}
}

func deletePart(m tensor.Map, start string) {
	maps.DeleteFunc(m, func(name string, _ tensor.Tensor) bool { return strings.HasPrefix(name, start) })
}

func renameBlock(m tensor.Map, from, to string) {
	for name, x := range maps.Clone(m) {
		if rest, ok := strings.CutPrefix(name, from); ok {
			delete(m, name)
			m[to+rest] = x
		}
	}
}

// TestNamingTells checks the values that names tell and those that they don't, where they come from, and that a library's own rule for
// other image sizes is not replaced by another in silence.
func TestNamingTells(t *testing.T) {
	path := writeSafetensors(t, foreign(t, "hf_mae"))
	bb, err := backbone.Load(t.Context(), path, backbone.Options{Heads: 2})
	if err != nil {
		t.Fatal(err)
	}
	if library, network := bb.Library(); library != "Hugging Face transformers" || network != "MAE" {
		t.Errorf("read as %q, %q", library, network)
	}
	if bb.Mean != [3]float64{0.485, 0.456, 0.406} || bb.NormEps() != 1e-12 || bb.Sources.Mean != backbone.FromNames || bb.Sources.Eps != backbone.FromNames {
		t.Errorf("mean %v (%s), layer_norm_eps %v (%s)", bb.Mean, bb.Sources.Mean, bb.NormEps(), bb.Sources.Eps)
	}
	vit, err := backbone.Load(t.Context(), writeSafetensors(t, foreign(t, "hf_vit")), backbone.Options{Heads: 2})
	if err != nil {
		t.Fatal(err)
	}
	if vit.Mean != half || vit.Sources.Mean != backbone.FromGuess || vit.NormEps() != 1e-12 || vit.Sources.Eps != backbone.FromGuess {
		t.Errorf("mean %v (%s), layer_norm_eps %v (%s)", vit.Mean, vit.Sources.Mean, vit.NormEps(), vit.Sources.Eps)
	}
	larger, err := backbone.Load(t.Context(), writeSafetensors(t, foreign(t, "torchvision")), backbone.Options{Heads: 2, Image: 32})
	expect.NoError(t, err)
	if a := larger.Architecture.(Architecture); a.Resampling != ResampleTorchvision || !strings.Contains(a.String(), "resampling=torchvision") {
		t.Errorf("torchvision's positions are resampled by the rule %q: %s", a.Resampling, a)
	}
}

// TestNamingUnused checks that a tensor without effect may hold anything, and an unknown one may not.
func TestNamingUnused(t *testing.T) {
	m := foreign(t, "hf_mae")
	m["decoder.mask_token"].Float32()[0] = float32(math.NaN())
	if _, err := backbone.Load(t.Context(), writeSafetensors(t, m), backbone.Options{Heads: 2}); err != nil {
		t.Error(err)
	}
	m["lora"] = tensor.Must([]float32{float32(math.Inf(1))}, 1)
	_, err := backbone.Load(t.Context(), writeSafetensors(t, m), backbone.Options{Heads: 2})
	expect.Error(t, err, "tensor lora is infinite")
}

// TestNamingSkipped checks that a note names the tensors of a text tower.
func TestNamingSkipped(t *testing.T) {
	m := tensor.Map{}
	for name, x := range timmNames() {
		m["visual.trunk."+name] = x
	}
	m["text.token_embedding.weight"], m["logit_scale"] = tensor.Zeros(3, 4), tensor.Scalar(float32(1))
	bb, err := backbone.Load(t.Context(), writeSafetensors(t, m), backbone.Options{Heads: 2})
	if err != nil {
		t.Fatal(err)
	}
	const want = "only the image tower is used, not the tensors whose names begin with logit_scale, text."
	if note := bb.Note(false); !strings.Contains(note, want) {
		t.Errorf("note %q lacks %q", note, want)
	}
	plain, err := backbone.Load(t.Context(), writeSafetensors(t, timmNames()), backbone.Options{Heads: 2})
	if err != nil {
		t.Fatal(err)
	}
	if bb.Fingerprint() != plain.Fingerprint() {
		t.Error("the weights are others than without the prefix")
	}
}
