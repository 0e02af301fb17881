package graph

import (
	"fmt"
	"math/rand/v2"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph/tensor"
)

// A region of 5 samples of 3 rows of 4 values with 24 values a chunk has 3 chunks, of 1, 2 and 2 samples.
const (
	regionSamples, regionRows, regionWidth = 5, 3, 4
	regionChunkValues                      = 24
)

// regionCase is a small block with everything that must pass through a chunk: a mask, an outer value that depends on a
// trainable one, a saved activation and a residual connection.
var regionCase = gradientCase{
	inputs: [][]int{{regionSamples, regionRows, regionWidth}, {regionWidth, regionWidth}, {regionWidth}},
	build: func(b *Builder, in []Value) Value {
		w, scale := b.Scale(in[1], 0.5), in[2] // w is computed from a trainable value outside of the region
		mask := b.Constant(tensor.Must([]float32{0, 2, 1, 2, 0.5}, regionSamples, 1, 1))
		return b.Region([]Value{in[0], mask}, 0, func(b *Builder, in []Value) Value {
			y := b.LayerNorm(in[0], scale, scale, 1e-6)
			q := b.Save(b.Linear(y, w, Value{}), Costly)
			y = b.MulMask(b.Attention(q, y, b.GELU(y), 2), in[1])
			return b.Add(in[0], y)
		})
	},
}

// checkRegion compares a case in chunks with finite differences, and with the same case in one piece, within float32
// rounding. The case in one piece is also compared with TensorFlow's gradients, which don't exist for InplaceUpdate and so not
// for chunks.
func checkRegion(t *testing.T, c gradientCase, mode Recompute) {
	const whole = 1000 * regionChunkValues
	checkGradient(t, c, New(mode).Chunk(whole))
	c.noAddGradients = true
	checkGradient(t, c, New(mode).Chunk(regionChunkValues))
	// Gradients of weights are sums over all rows, in a different order.
	want, slopes := conditioned(t, c)
	rounded(t, "in chunks", evaluate(t, c, New(mode).Chunk(regionChunkValues)), want, slopes, roundings+regionSamples*regionRows, unit(FP32))
}

// TestRegionGradients checks the gradients of a region with everything that a block has.
func TestRegionGradients(t *testing.T) {
	for _, mode := range []Recompute{RecomputeNone, RecomputeActivations, RecomputeBlocks} {
		t.Run(fmt.Sprint(mode), func(t *testing.T) { checkRegion(t, regionCase, mode) })
	}
}

// TestRegionOfFrozen checks a region without trainable values inside, which RecomputeNone also runs in chunks.
func TestRegionOfFrozen(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	w := normal(random, regionWidth, regionWidth)
	frozen := gradientCase{inputs: regionCase.inputs[:1], build: func(b *Builder, in []Value) Value {
		before := b.records
		y := b.Region(in, 0, func(b *Builder, in []Value) Value {
			return b.Save(b.GELU(b.Save(b.Linear(in[0], b.Constant(w), Value{}), Costly)), Cheap)
		})
		if chunks := len(b.chunks(in[0], 0)); b.chunkValues == regionChunkValues && (chunks != 3 || b.records < before+2+3*3) {
			t.Errorf("%d chunks and %d records: the region was not divided", chunks, b.records-before)
		}
		return y
	}}
	for _, mode := range []Recompute{RecomputeNone, RecomputeActivations, RecomputeBlocks} {
		t.Run(fmt.Sprint(mode), func(t *testing.T) { checkRegion(t, frozen, mode) })
	}
}

// TestRegionWithoutGradient checks that trainable values inside get their gradient when the input of the region has none.
func TestRegionWithoutGradient(t *testing.T) {
	x := normal(rand.New(rand.NewPCG(1, 2)), regionSamples, regionRows, regionWidth)
	c := gradientCase{inputs: [][]int{{regionWidth, 2}}, build: func(b *Builder, in []Value) Value {
		return b.Region([]Value{b.Constant(x)}, 0, func(b *Builder, inner []Value) Value {
			return b.Swish(b.Linear(inner[0], in[0], Value{}), 1)
		})
	}}
	for _, mode := range []Recompute{RecomputeNone, RecomputeActivations, RecomputeBlocks} {
		t.Run(fmt.Sprint(mode), func(t *testing.T) { checkRegion(t, c, mode) })
	}
}

// TestSave checks which efforts Save saves in each mode.
func TestSave(t *testing.T) {
	for _, c := range []struct {
		mode Recompute
		want string
	}{
		{RecomputeNone, "[true true]"}, {RecomputeActivations, "[false true]"}, {RecomputeBlocks, "[false false]"},
	} {
		b := New(c.mode)
		b.region = &region{}
		v := b.Placeholder("x", tf.Float, 1)
		var got []bool
		for i, effort := range []Effort{Cheap, Costly} {
			before := len(b.region.saved)
			b.Save(b.In(fmt.Sprint(i)).Scale(v, 2), effort)
			got = append(got, len(b.region.saved) > before)
		}
		if fmt.Sprint(got) != c.want {
			t.Errorf("mode %s: saved %v, want %s", c.mode, got, c.want)
		}
	}
}
