package graph

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestKernels compares a frozen layer that uses every kernel with float32, and checks that only a graph built for a CPU
// contains kernels.
func TestKernels(t *testing.T) {
	usable(t, BF16)
	layer := gradientCase{inputs: [][]int{{2, 5, 8}, {8, 8}, {8}, {8}}, build: func(b *Builder, in []Value) Value {
		y := b.Linear(b.LayerNorm(in[0], in[2], in[3], 1e-6), in[1], Value{})
		return b.Add(in[0], b.Attention(y, b.GELU(y), b.Swish(y, 2), 2))
	}}
	exact, slopes := conditioned(t, layer)
	_, values := prepare(t, layer, New(RecomputeNone))
	frozen := gradientCase{inputs: layer.inputs[:1], build: func(b *Builder, in []Value) Value {
		return layer.build(b, []Value{in[0], b.Constant(values[1]), b.Constant(values[2]), b.Constant(values[3])})
	}}
	for _, d := range []struct {
		device Device
		want   int
	}{{"", 0}, {GPU, 0}, {Processor, 9}} {
		b := New(RecomputeNone).Use(BF16)
		if d.device != "" {
			b.For(d.device)
		}
		rounded(t, "on "+string(d.device), evaluate(t, frozen, b), exact, slopes, roundings, unit(BF16))
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

// TestKernelsF32 does the same in float32, with and without the kernel of attention, which only some processors use.
func TestKernelsF32(t *testing.T) {
	layer := gradientCase{inputs: [][]int{{2, 5, 32}, {32, 32}, {32}, {32}}, build: func(b *Builder, in []Value) Value {
		// Small, because the softmax multiplies the rounding of large scores.
		y := b.Scale(b.Linear(b.LayerNorm(in[0], in[2], in[3], 1e-6), in[1], Value{}), 0.2)
		return b.Add(in[0], b.Attention(y, b.GELU(y), b.Swish(y, 2), 2))
	}}
	want := evaluate(t, layer, New(RecomputeNone))
	for _, c := range []struct {
		device  Device
		attends bool
		count   int
	}{{GPU, false, 0}, {Processor, false, 7}, {Processor, true, 8}} {
		device, count := c.device, c.count
		b := New(RecomputeNone).For(device)
		b.attends = c.attends
		for i, got := range evaluate(t, layer, b) {
			compare(t, fmt.Sprintf("value %d on %s", i, device), got.Float32(), want[i].Float32(), 8e-6) // float32 rounds to 6e-8; sums of 32
		}
		kernels := map[string]bool{}
		for _, op := range b.Graph().Operations() {
			if strings.HasPrefix(op.Type(), "F32") {
				kernels[op.Type()] = true
			}
		}
		if len(kernels) != count {
			t.Errorf("built for %q: kernels %v, want %d", device, kernels, count)
		}
	}
}

// TestAttentionKernelGradient compares the gradients of attention as one kernel with finite differences, in layers of which some inputs
// have none.
func TestAttentionKernelGradient(t *testing.T) {
	b := New(RecomputeNone).For(Processor)
	b.attends = true
	shape := []int{1, 3, 48}
	checkGradient(t, gradientCase{inputs: [][]int{shape, shape}, noAddGradients: true, build: func(b *Builder, in []Value) Value {
		fixed := b.Constant(normal(rand.New(rand.NewPCG(3, 4)), shape...))
		return b.Add(b.Attention(in[0], in[1], in[1], 2), b.Attention(fixed, in[0], fixed, 3))
	}}, b)
	for _, op := range b.Graph().Operations() {
		if op.Type() == "F32AttentionGrad" {
			return
		}
	}
	t.Error("the graph has no kernel of attention")
}
