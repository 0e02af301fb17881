package swin

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/backbone/familytest"
	"dtl-tf/graph/tensor"
	"dtl-tf/graph/weight"
)

// small is the architecture of testdata/timm.safetensors (scripts/make_swin_vectors.py).
var small = Architecture{
	Image: 56, Patch: 2, Window: 7, Width: 8, MLP: 32, Depths: Stages{3, 2, 2}, Heads: Stages{2, 2, 4}, Eps: LayerNormEps, Labels: 5,
}

// vectors reads a file of testdata.
func vectors(t *testing.T, name string) tensor.Map {
	t.Helper()
	f, err := weight.OpenContext(t.Context(), filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return f.Tensors
}

// older renames timm 1.x's tensors to those of timm 0.6 and of Microsoft, and adds the buffers that are stored there.
func older(m tensor.Map) tensor.Map {
	out := tensor.Map{}
	for name, t := range m {
		name = strings.ReplaceAll(name, "layers.1.downsample.", "layers.0.downsample.")
		name = strings.ReplaceAll(name, "layers.2.downsample.", "layers.1.downsample.")
		out[strings.ReplaceAll(name, "head.fc.", "head.")] = t
	}
	out["layers.0.blocks.0.attn.relative_position_index"] = tensor.Must(make([]int64, 49*49), 49, 49)
	out["layers.0.blocks.1.attn_mask"] = tensor.Zeros(16, 49, 49)
	return out
}

// write writes weights to a .safetensors file in a new folder.
func write(t *testing.T, m tensor.Map) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "swin.safetensors")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := weight.WriteSafetensors(f, m, nil); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t *testing.T, path string, o backbone.Options) *backbone.Backbone {
	t.Helper()
	bb, err := backbone.Load(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	return bb
}

// run returns features and logits of the own head for normalised images, in the given precision of matrix products.
func run(t *testing.T, bb *backbone.Backbone, images tensor.Tensor, p graph.Precision) (features, logits tensor.Tensor) {
	t.Helper()
	b := graph.New(graph.RecomputeNone).Use(p).For(graph.Processor)
	variables := graph.NewVariables()
	f := &backbone.Forward{
		Arch: bb.Architecture,
		Weight: func(name string, shape ...int) graph.Value {
			return variables.Declare(b, name, false, shape...).Value
		},
		Derive: func(name string, build func(b *graph.Builder) graph.Value) graph.Value {
			return variables.Derive(b, name, build)
		},
	}
	input := b.Placeholder("images", tf.Float, graph.Unknown, bb.ImageSize(), bb.ImageSize(), 3)
	out := f.Features(b, input, backbone.PoolMean)
	fetches := []tf.Output{b.Float(out).Output, b.Float(bb.OwnHead(f, b.In("own_head"), out)).Output}
	got := familytest.Run(t, b, variables, bb.Weights, input, images, fetches)
	return got[0], got[1]
}

// off is the largest difference relative to the largest wanted value.
func off(got, want tensor.Tensor) float64 {
	if len(got.Float32()) != len(want.Float32()) {
		return math.Inf(1)
	}
	worst, largest := 0.0, 0.0
	for i, w := range want.Float32() {
		worst = max(worst, math.Abs(float64(got.Float32()[i])-float64(w)))
		largest = max(largest, math.Abs(float64(w)))
	}
	return worst / largest
}
