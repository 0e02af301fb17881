package graph

import (
	"fmt"
	"math/rand/v2"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph/tensor"
)

// A region of 5 samples of 3 rows of 4 values, 24 values at a time, is 3 chunks of 1, 2 and 2 samples.
const (
	regionSamples, regionRows, regionWidth = 5, 3, 4
	regionChunkValues                      = 24
)

// regionCase is a block in small: everything that a region has to bring through a chunk.
var regionCase = gradientCase{
	inputs: [][]int{{regionSamples, regionRows, regionWidth}, {regionWidth, regionWidth}, {regionWidth}},
	build: func(b *Builder, in []Value) Value {
		w, scale := b.Scale(in[1], 0.5), in[2] // w is made outside of what trains
		mask := b.Constant(tensor.Must([]float32{0, 2, 1, 2, 0.5}, regionSamples, 1, 1))
		return b.Region([]Value{in[0], mask}, 0, func(b *Builder, in []Value) Value {
			y := b.LayerNorm(in[0], scale, scale, 1e-6)
			q := b.Keep(b.Linear(y, w, Value{}), Costly)
			y = b.MulMask(b.Attention(q, y, b.GELU(y), 2), in[1])
			return b.Add(in[0], y)
		})
	},
}

// checkRegion holds a case in chunks against finite differences, and against the same in one piece, itself held against
// TensorFlow's gradients, to what rounding of float32 can do. (TensorFlow's know no gradient of how chunks are put together.)
func checkRegion(t *testing.T, c gradientCase, mode Recompute) {
	const whole = 1000 * regionChunkValues
	checkGradient(t, c, New(mode).Chunk(whole))
	c.noAddGradients = true
	checkGradient(t, c, New(mode).Chunk(regionChunkValues))
	// Weights get a sum over all rows, in another order.
	want, slopes := conditioned(t, c)
	rounded(t, "in chunks", evaluate(t, c, New(mode).Chunk(regionChunkValues)), want, slopes, roundings+regionSamples*regionRows, unit(FP32))
}

// TestRegionGradients is of regions that have all that a block has.
func TestRegionGradients(t *testing.T) {
	for _, mode := range []Recompute{KeepAll, RecomputeActivations, RecomputeBlocks} {
		t.Run(fmt.Sprint(mode), func(t *testing.T) { checkRegion(t, regionCase, mode) })
	}
}

// TestRegionOfFrozen has no trainable value inside, so that KeepAll works in chunks too.
func TestRegionOfFrozen(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	w := normal(random, regionWidth, regionWidth)
	frozen := gradientCase{inputs: regionCase.inputs[:1], build: func(b *Builder, in []Value) Value {
		before := b.records
		y := b.Region(in, 0, func(b *Builder, in []Value) Value {
			return b.Keep(b.GELU(b.Keep(b.Linear(in[0], b.Constant(w), Value{}), Costly)), Cheap)
		})
		if chunks := len(b.chunks(in[0], 0)); b.chunkValues == regionChunkValues && (chunks != 3 || b.records < before+2+3*3) {
			t.Errorf("%d chunks and %d records: the region was not divided", chunks, b.records-before)
		}
		return y
	}}
	for _, mode := range []Recompute{KeepAll, RecomputeActivations, RecomputeBlocks} {
		t.Run(fmt.Sprint(mode), func(t *testing.T) { checkRegion(t, frozen, mode) })
	}
}

// TestRegionWithoutGradient of x still gives that of what trains inside.
func TestRegionWithoutGradient(t *testing.T) {
	x := normal(rand.New(rand.NewPCG(1, 2)), regionSamples, regionRows, regionWidth)
	c := gradientCase{inputs: [][]int{{regionWidth, 2}}, build: func(b *Builder, in []Value) Value {
		return b.Region([]Value{b.Constant(x)}, 0, func(b *Builder, inner []Value) Value {
			return b.Swish(b.Linear(inner[0], in[0], Value{}), 1)
		})
	}}
	for _, mode := range []Recompute{KeepAll, RecomputeActivations, RecomputeBlocks} {
		t.Run(fmt.Sprint(mode), func(t *testing.T) { checkRegion(t, c, mode) })
	}
}

// TestKeep wants what each mode holds of a region: what Keep is told, by effort.
func TestKeep(t *testing.T) {
	for _, c := range []struct {
		mode Recompute
		want string
	}{
		{KeepAll, "[true true]"}, {RecomputeActivations, "[false true]"}, {RecomputeBlocks, "[false false]"},
	} {
		b := New(c.mode)
		b.region = &region{}
		v := b.Placeholder("x", tf.Float, 1)
		var got []bool
		for i, effort := range []Effort{Cheap, Costly} {
			held := len(b.region.held)
			b.Keep(b.In(fmt.Sprint(i)).Scale(v, 2), effort)
			got = append(got, len(b.region.held) > held)
		}
		if fmt.Sprint(got) != c.want {
			t.Errorf("mode %d: held %v, want %s", c.mode, got, c.want)
		}
	}
}
