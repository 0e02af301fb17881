package weight

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"dtl-tf/graph/tensor"
)

// vitB is a ViT-B/16 with 1000 classes: 86.6 million parameters in 200 tensors, 346 MB.
func vitB() tensor.Map {
	const d, heads, mlp = 768, 12, 3072
	m := tensor.Map{}
	state := uint32(1)
	add := func(name string, shape ...int) {
		t := tensor.Zeros(shape...)
		for i := range t.Float32() { // incompressible numbers
			state = state*1664525 + 1013904223
			t.Float32()[i] = float32(int32(state)) / (1 << 36)
		}
		m[name] = t
	}
	add("embedding/kernel", 16, 16, 3, d)
	add("embedding/bias", d)
	add("cls", 1, 1, d)
	add("Transformer/posembed_input/pos_embedding", 1, 197, d)
	for i := range 12 {
		block := fmt.Sprintf("Transformer/encoderblock_%d/", i)
		for _, norm := range []string{"LayerNorm_0", "LayerNorm_2"} {
			add(block+norm+"/scale", d)
			add(block+norm+"/bias", d)
		}
		for _, which := range []string{"query", "key", "value"} {
			add(block+"MultiHeadDotProductAttention_1/"+which+"/kernel", d, heads, d/heads)
			add(block+"MultiHeadDotProductAttention_1/"+which+"/bias", heads, d/heads)
		}
		add(block+"MultiHeadDotProductAttention_1/out/kernel", heads, d/heads, d)
		add(block+"MultiHeadDotProductAttention_1/out/bias", d)
		add(block+"MlpBlock_3/Dense_0/kernel", d, mlp)
		add(block+"MlpBlock_3/Dense_0/bias", mlp)
		add(block+"MlpBlock_3/Dense_1/kernel", mlp, d)
		add(block+"MlpBlock_3/Dense_1/bias", d)
	}
	add("Transformer/encoder_norm/scale", d)
	add("Transformer/encoder_norm/bias", d)
	add("head/kernel", d, 1000)
	add("head/bias", 1000)
	return m
}

// benchmarkRead reads a file from the page cache, including its checksum and the check for finite values.
func benchmarkRead(b *testing.B, name string, write func(io.Writer, tensor.Map) error) {
	path := filepath.Join(b.TempDir(), name)
	w, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	if err := write(w, vitB()); err != nil {
		b.Fatal(err)
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(info.Size())
	for b.Loop() {
		f, err := Open(path)
		if err != nil {
			b.Fatal(err)
		}
		if err := f.CheckFinite(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadNPZ(b *testing.B) { benchmarkRead(b, "b.npz", WriteNPZ) }

func BenchmarkReadSafetensors(b *testing.B) {
	benchmarkRead(b, "b.safetensors", func(w io.Writer, m tensor.Map) error { return WriteSafetensors(w, m, nil) })
}

func BenchmarkWriteSafetensors(b *testing.B) {
	m := vitB()
	b.SetBytes(4 * 86_567_656)
	for b.Loop() {
		if err := WriteSafetensors(io.Discard, m, nil); err != nil {
			b.Fatal(err)
		}
	}
}
