package vit

import (
	"fmt"
	"io"
	"path/filepath"
	"testing"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
	"dtl-tf/graph/weight"
)

// anyTensors returns a map and a function that adds a tensor of small numbers to it.
func anyTensors() (tensor.Map, func(name string, shape ...int)) {
	m := tensor.Map{}
	state := uint32(1)
	return m, func(name string, shape ...int) {
		t := tensor.Zeros(shape...)
		for i := range t.Float32() {
			state = state*1664525 + 1013904223
			t.Float32()[i] = float32(int32(state)) / (1 << 36)
		}
		m[name] = t
	}
}

// vitB is a ViT-B/16 with timm's names: 85.8 million parameters in 150 tensors, 343 MB.
func vitB() tensor.Map {
	const d, mlp = 768, 3072
	m, add := anyTensors()
	add("patch_embed.proj.weight", d, 3, 16, 16)
	add("patch_embed.proj.bias", d)
	add("cls_token", 1, 1, d)
	add("pos_embed", 1, 197, d)
	for i := range 12 {
		block := fmt.Sprintf("blocks.%d.", i)
		for _, name := range []string{"norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias", "attn.proj.bias", "mlp.fc2.bias"} {
			add(block+name, d)
		}
		add(block+"attn.qkv.weight", 3*d, d)
		add(block+"attn.qkv.bias", 3*d)
		add(block+"attn.proj.weight", d, d)
		add(block+"mlp.fc1.weight", mlp, d)
		add(block+"mlp.fc1.bias", mlp)
		add(block+"mlp.fc2.weight", d, mlp)
	}
	add("norm.weight", d)
	add("norm.bias", d)
	return m
}

// BenchmarkLoad loads a ViT-B from the page cache, in each form of file.
func BenchmarkLoad(b *testing.B) {
	m := vitB()
	plain := func(m tensor.Map, name string, write func(w io.Writer, m tensor.Map) error) func(folder string) string {
		return func(folder string) string {
			path := filepath.Join(folder, name)
			writeTo(b, path, func(w io.Writer) error { return write(w, m) })
			return path
		}
	}
	safetensors := func(w io.Writer, m tensor.Map) error { return weight.WriteSafetensors(w, m, nil) }
	for _, c := range []struct {
		name string
		make func(folder string) string
	}{
		{"timm", plain(m, "model.safetensors", safetensors)},
		{"shards", func(folder string) string { return writeShards(b, folder, m) }},
		{"npz", func(folder string) string {
			path := plain(m, "model.safetensors", safetensors)(filepath.Join(folder, "timm"))
			bb, err := backbone.Load(b.Context(), path, backbone.Options{})
			if err != nil {
				b.Fatal(err)
			}
			return plain(bb.Weights, "model.npz", weight.WriteNPZ)(folder)
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			path := c.make(b.TempDir())
			b.SetBytes(4 * 85_798_656)
			for b.Loop() {
				if _, err := backbone.Load(b.Context(), path, backbone.Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
