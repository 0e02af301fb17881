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

// hubViTB is a ViT-B/16 with 1000 classes in the names of transformers: 86.6 million parameters, 346 MB.
func hubViTB() tensor.Map {
	const d, mlp = 768, 3072
	m, add := anyTensors()
	linear := func(name string, out, in int) {
		add(name+".weight", out, in)
		add(name+".bias", out)
	}
	add("vit.embeddings.patch_embeddings.projection.weight", d, 3, 16, 16)
	add("vit.embeddings.patch_embeddings.projection.bias", d)
	add("vit.embeddings.cls_token", 1, 1, d)
	add("vit.embeddings.position_embeddings", 1, 197, d)
	norm := func(name string) {
		add(name+".weight", d)
		add(name+".bias", d)
	}
	for i := range 12 {
		block := fmt.Sprintf("vit.encoder.layer.%d.", i)
		norm(block + "layernorm_before")
		norm(block + "layernorm_after")
		for _, which := range []string{"query", "key", "value"} {
			linear(block+"attention.attention."+which, d, d)
		}
		linear(block+"attention.output.dense", d, d)
		linear(block+"intermediate.dense", mlp, d)
		linear(block+"output.dense", d, mlp)
	}
	norm("vit.layernorm")
	linear("classifier", 1000, d)
	return m
}

// BenchmarkLoadNamings loads a ViT-B/16 of 346 MB from the page cache, in the names of transformers and in timm's.
func BenchmarkLoadNamings(b *testing.B) {
	hub := hubViTB()
	n, err := toTimm(hub)
	if err != nil || n == nil {
		b.Fatal(err)
	}
	for name, m := range map[string]tensor.Map{"transformers": hub, "timm": n.Tensors} {
		path := filepath.Join(b.TempDir(), name+".safetensors")
		writeTo(b, path, func(w io.Writer) error { return weight.WriteSafetensors(w, m, nil) })
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := backbone.Load(b.Context(), path, backbone.Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRename renames the tensors of a ViT-B/16 alone: the cost of another naming.
func BenchmarkRename(b *testing.B) {
	m := hubViTB()
	for b.Loop() {
		if n, err := toTimm(m); err != nil || n == nil {
			b.Fatal(err)
		}
	}
}
