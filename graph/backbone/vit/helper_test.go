package vit

import (
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/backbone/familytest"
	"dtl-tf/graph/tensor"
	"dtl-tf/graph/weight"
)

// descriptionFile is the file with the architecture in a backbone's SavedModel.
const descriptionFile = "backbone.json"

// tiny is an architecture whose weights take a few kB.
var tiny = Architecture{Image: 8, Patch: 4, Width: 6, Depth: 2, Heads: 2, MLP: 10, Eps: backbone.LayerNormEps}

func random(t *testing.T, a Architecture) *backbone.Backbone {
	t.Helper()
	bb, err := backbone.Random(a, 3)
	if err != nil {
		t.Fatal(err)
	}
	return bb
}

// timmNames is weights of tiny with timm's names and layouts and with distinct values.
func timmNames() tensor.Map {
	d, mlp := tiny.Width, tiny.MLP
	m := tensor.Map{}
	next := float32(0)
	add := func(name string, shape ...int) {
		v := tensor.Zeros(shape...)
		for i := range v.Float32() {
			next++
			v.Float32()[i] = next / 1024
		}
		m[name] = v
	}
	add("patch_embed.proj.weight", d, 3, tiny.Patch, tiny.Patch)
	add("patch_embed.proj.bias", d)
	add("cls_token", 1, 1, d)
	add("pos_embed", 1, tiny.Tokens(), d)
	for _, block := range []string{"blocks.0.", "blocks.1."} {
		for _, norm := range []string{"norm1", "norm2"} {
			add(block+norm+".weight", d)
			add(block+norm+".bias", d)
		}
		add(block+"attn.qkv.weight", 3*d, d)
		add(block+"attn.qkv.bias", 3*d)
		add(block+"attn.proj.weight", d, d)
		add(block+"attn.proj.bias", d)
		add(block+"mlp.fc1.weight", mlp, d)
		add(block+"mlp.fc1.bias", mlp)
		add(block+"mlp.fc2.weight", d, mlp)
		add(block+"mlp.fc2.bias", d)
	}
	add("norm.weight", d)
	add("norm.bias", d)
	return m
}

// writeNPZ and writeSafetensors write weights to a file in a new folder.
func writeNPZ(t *testing.T, m tensor.Map) string {
	t.Helper()
	return write(t, "vit.npz", func(w io.Writer) error { return weight.WriteNPZ(w, m) })
}

func writeSafetensors(t *testing.T, m tensor.Map) string {
	t.Helper()
	return write(t, "vit.safetensors", func(w io.Writer) error { return weight.WriteSafetensors(w, m, nil) })
}

func write(t *testing.T, name string, content func(w io.Writer) error) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := content(f); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// runImages evaluates what build builds on the normalised images of bytes.
func runImages(t *testing.T, bb *backbone.Backbone, images tensor.Tensor, build func(b *graph.Builder, f *backbone.Forward, x graph.Value) []graph.Value) []tensor.Tensor {
	t.Helper()
	b := graph.New(graph.RecomputeNone)
	variables := graph.NewVariables()
	f := &backbone.Forward{Arch: bb.Architecture, Weight: func(name string, shape ...int) graph.Value {
		return variables.Declare(b, name, false, shape...).Value
	}}
	input := b.Placeholder("images", tf.Uint8, graph.Unknown, bb.ImageSize(), bb.ImageSize(), 3)
	var fetches []tf.Output
	for _, v := range build(b, f, b.Normalise(input, bb.Mean, bb.Std)) {
		fetches = append(fetches, v.Output)
	}
	return familytest.Run(t, b, variables, bb.Weights, input, images, fetches)
}

// farthest is max|got - want|, or NaN if any difference is NaN.
func farthest(got, want []float32) float64 {
	if len(got) != len(want) {
		return math.Inf(1)
	}
	worst := 0.0
	for i := range want {
		worst = math.Max(worst, math.Abs(float64(got[i]-want[i])))
	}
	return worst
}
