package graph

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// TestKernels holds a frozen layer that is made of all kernels against float32, and wants them to be in the graph that is
// built for a processor and in no other.
func TestKernels(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 5))
	w, scale, bias := normal(random, 8, 8), normal(random, 8), normal(random, 8)
	c := gradientCase{inputs: [][]int{{2, 5, 8}}, build: func(b *Builder, in []Value) Value {
		y := b.Linear(b.LayerNorm(in[0], b.Constant(scale), b.Constant(bias), 1e-6), b.Constant(w), Value{})
		return b.Add(in[0], b.Attention(y, b.GELU(y), b.Swish(y, 2), 2))
	}}
	exact := evaluate(t, c, New(KeepAll))
	for _, d := range []struct {
		device Device
		want   int
	}{{"", 0}, {GPU, 0}, {Processor, 9}} {
		b := New(KeepAll).Use(BF16)
		if d.device != "" {
			b.For(d.device)
		}
		for i, rough := range evaluate(t, c, b) {
			compare(t, []string{"value", "gradient"}[i]+" on "+string(d.device), rough.Float32(), exact[i].Float32(), 0.02)
		}
		kernels := map[string]bool{}
		for _, op := range b.Graph().Operations() {
			if strings.HasPrefix(op.Type(), "Bf16") {
				kernels[op.Type()] = true
			}
		}
		if len(kernels) != d.want {
			t.Errorf("built for %q: kernels %v, want %d", d.device, kernels, d.want)
		}
	}
}
