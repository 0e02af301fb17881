package vit

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/backbone/familytest"
	"dtl-tf/graph/tensor"
	"dtl-tf/graph/weight"
)

// small is the architecture of the files in testdata/family (scripts/make_vit_vectors.py).
func small(mlp int, eps float64, f Form) Architecture {
	return Architecture{Image: 12, Patch: 4, Width: 24, Depth: 2, Heads: 2, MLP: mlp, Eps: eps, Form: f}
}

// member is a network of testdata/family.
type member struct {
	arch    Architecture // without own head
	own     backbone.Pool
	guessed backbone.Activation // set by Sizes where the file can't tell
	image   int                 // where the file can't tell
	mean    [3]float64
}

// members are the networks of testdata/family, by file.
var members = map[string]member{
	"plain":          {arch: small(48, 1e-6, Form{}), own: backbone.PoolClass, mean: half},
	"dinov2":         {arch: small(48, 1e-6, dinov2), own: backbone.PoolClass, mean: imageNetMean},
	"dinov2_reg4":    {arch: small(48, 1e-6, dinov2Registers), own: backbone.PoolClass, mean: imageNetMean},
	"dinov2_giant":   {arch: small(16, 1e-6, gated(dinov2)), own: backbone.PoolClass, mean: imageNetMean},
	"deit3":          {arch: small(48, 1e-6, deit3), own: backbone.PoolClass, mean: imageNetMean},
	"deit_distilled": {arch: small(48, 1e-6, Form{Distilled: true}), own: backbone.PoolDistilled, mean: imageNetMean},
	"dinov3":         {arch: small(48, 1e-5, dinov3), own: backbone.PoolMean, image: 12, mean: imageNetMean},
	"dinov3_qkvb":    {arch: small(48, 1e-5, biased(dinov3)), own: backbone.PoolMean, image: 12, mean: imageNetMean},
	"dinov3_plus":    {arch: small(16, 1e-5, gated(dinov3)), own: backbone.PoolMean, image: 12, mean: imageNetMean},
	"clip":           {arch: small(48, 1e-5, Form{PreNorm: true, NoPatchBias: true}), own: backbone.PoolClass, mean: clipMean},
	"clip_quickgelu": {arch: small(48, 1e-5, clip), own: backbone.PoolClass, guessed: backbone.QuickGELU, mean: clipMean},
	"siglip":         {arch: small(48, 1e-6, siglip), own: backbone.PoolMap, mean: half},
	"siglip_tanh":    {arch: small(48, 1e-6, tanh(siglip)), own: backbone.PoolMap, guessed: backbone.TanhGELU, mean: half},
	"siglip_gap":     {arch: small(48, 1e-6, Form{NoClass: true, NormedMean: true}), own: backbone.PoolMean, mean: half},
	"eva02_small":    {arch: small(16, 1e-6, eva02), own: backbone.PoolMean, mean: clipMean},
	"eva02_base":     {arch: small(16, 1e-6, inner(eva02)), own: backbone.PoolMean, mean: clipMean},
}

func biased(f Form) Form {
	f.QKVBias = QueryValueBias
	return f
}

func tanh(f Form) Form {
	f.GELU = backbone.TanhGELU
	return f
}

const expectedPrefix = "test/"

// loadMember reads a network of testdata/family and what timm computed from it.
func loadMember(t *testing.T, name string) (*backbone.Backbone, tensor.Map) {
	t.Helper()
	path := filepath.Join("testdata", "family", name+".safetensors")
	f, err := weight.OpenContext(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	want := tensor.Map{}
	for name, v := range f.Tensors {
		if name, ok := strings.CutPrefix(name, expectedPrefix); ok {
			want[name] = v
		}
	}
	m := members[name]
	bb, err := backbone.Load(t.Context(), path, backbone.Options{
		Heads: 2, Image: m.image, Beside: func(name string) bool { return strings.HasPrefix(name, expectedPrefix) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if m.guessed != "" {
		bb.Architecture = bb.With(backbone.Sizes{Activation: m.guessed})
	}
	return bb, want
}

// compute returns the features of every pool, and the logits of the own head as "logits", of normalised images.
func compute(t *testing.T, bb *backbone.Backbone, images tensor.Tensor, p graph.Precision, d graph.Device) tensor.Map {
	t.Helper()
	b := graph.New(graph.RecomputeNone).Use(p).For(d)
	variables := graph.NewVariables()
	f := &backbone.Forward{Arch: bb.Architecture, Weight: func(name string, shape ...int) graph.Value {
		return variables.Declare(b, name, false, shape...).Value
	}}
	input := b.Placeholder("images", tf.Float, graph.Unknown, bb.ImageSize(), bb.ImageSize(), 3)
	var names []string
	var fetches []tf.Output
	for _, pool := range bb.Pools() {
		out := f.Features(b.In(strings.ReplaceAll(string(pool), "+", "_")), input, pool)
		names, fetches = append(names, string(pool)), append(fetches, b.Float(out).Output)
		if pool == bb.Pool && bb.Classes() > 0 {
			names, fetches = append(names, "logits"), append(fetches, b.Float(bb.OwnHead(f, b.In("own_head"), out)).Output)
		}
	}
	out := familytest.Run(t, b, variables, bb.Weights, input, images, fetches)
	found := tensor.Map{}
	for i, name := range names {
		found[name] = out[i]
	}
	return found
}

// TestFamilies compares every family with timm, which computed in float64: the form, epsilon and normalisation read from the file, the
// features of every pool and the logits of the own head, with TensorFlow's ops, with our kernels and in bfloat16.
func TestFamilies(t *testing.T) {
	for name, m := range members {
		t.Run(name, func(t *testing.T) {
			bb, want := loadMember(t, name)
			bb.Pool = m.own
			images := want["images"]
			delete(want, "images")
			if m.arch.NormedMean {
				want["mean"] = want["normed mean"]
			}
			delete(want, "normed mean")
			arch := bb.Architecture.(Architecture)
			arch.Labels, arch.WideHead, arch.NoHeadBias = 0, false, false
			if arch != m.arch {
				t.Errorf("read %+v, want %+v", arch, m.arch)
			}
			if bb.Mean != m.mean {
				t.Errorf("mean %v, want %v", bb.Mean, m.mean)
			}
			for _, c := range []struct {
				precision graph.Precision
				device    graph.Device
				tolerance float64 // relative to the largest value
			}{{graph.FP32, graph.GPU, 1e-5}, {graph.FP32, graph.Processor, 1e-5}, {graph.BF16, graph.Processor, 0.1}} {
				if c.precision.Usable() != nil {
					continue
				}
				got := compute(t, bb, images, c.precision, c.device)
				for what, want := range want {
					if _, ok := got[what]; !ok {
						if slices.Contains(bb.Pools(), backbone.Pool(what)) || what == "logits" {
							t.Errorf("no %s", what)
						}
						continue
					}
					off := farthest(got[what].Float32(), want.Float32()) / largest(want.Float32())
					t.Logf("%s %s: %s off by %.1e", c.precision, c.device, what, off)
					if !(off <= c.tolerance) {
						t.Errorf("%s %s: %s is off by %.2g, want at most %.2g", c.precision, c.device, what, off, c.tolerance)
					}
				}
			}
		})
	}
}

func largest(v []float32) float64 {
	most := 0.0
	for _, x := range v {
		most = math.Max(most, math.Abs(float64(x)))
	}
	return most
}

// TestParameters compares the number of parameters of the named architectures with timm's.
func TestParameters(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("testdata", "family", "parameters.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]int
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	for name, n := range want {
		if got := backbone.Parameters(named[name]); got != n {
			t.Errorf("%s has %d parameters, timm's has %d", name, got, n)
		}
	}
	for name := range named {
		if _, ok := want[name]; !ok && !strings.HasPrefix(name, "vit_") {
			t.Errorf("%s is not compared with timm", name)
		}
	}
}

// TestFold: the folded backbone computes the same.
func TestFold(t *testing.T) {
	for name, m := range members {
		bb, want := loadMember(t, name)
		if !m.arch.LayerScale {
			if arch, _ := backbone.Fold(bb.Architecture, nil); arch != bb.Architecture {
				t.Errorf("%s: folded to %v", name, arch)
			}
			continue
		}
		before := bb.Weights.SHA256()
		arch, weights := backbone.Fold(bb.Architecture, bb.Weights)
		if bb.Weights.SHA256() != before {
			t.Errorf("%s: folding changed the weights that it was given", name)
		}
		if arch.(Architecture).LayerScale || len(weights) != len(arch.Specs()) {
			t.Errorf("%s: folded to %v with %d weights", name, arch, len(weights))
		}
		folded := *bb
		folded.Architecture, folded.Weights = arch, weights
		got := compute(t, &folded, want["images"], graph.FP32, graph.Processor)
		for what, want := range compute(t, bb, want["images"], graph.FP32, graph.Processor) {
			if off := farthest(got[what].Float32(), want.Float32()) / largest(want.Float32()); !(off <= 1e-5) {
				t.Errorf("%s: %s is off by %.2g", name, what, off)
			}
		}
	}
}
