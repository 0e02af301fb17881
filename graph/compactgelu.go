package graph

import (
	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph/tensor"
)

// The slope of GELU as a staircase (ReGELU2 of Yang et al., "Reducing Fine-Tuning Memory Overhead by Approximate and Memory-Sharing
// Backpropagation", ICML 2024, arXiv 2406.16282, and its code LowMemoryBP): 0 below the first threshold, and one rise at each. The rises add up to 1.
var (
	geluThresholds = [3]float64{-3.1858810036855245, -0.001178821281161997, 3.190832613414926}
	geluRises      = [3]float64{-0.04922261145617846, 1.0979632065417297, -0.048740595085551286}
)

// perByte is how many of the staircase's four steps a byte holds.
const perByte = 4

// CompactGELU is GELU. With RecomputeGELU2Bit it saves 2 bits for each value, the step of the staircase that x is on, and its gradient is an
// APPROXIMATION: the staircase in the place of the slope. Otherwise it saves x. The width of x [..., d] is a multiple of 4.
func (b *Builder) CompactGELU(x Value) Value {
	if b.recompute != RecomputeGELU2Bit || !x.HasGradient() {
		return b.GELU(x)
	}
	if x.Width()%perByte != 0 {
		Fail("in the mode %s the hidden width of an MLP must be a multiple of %d, not %d", RecomputeGELU2Bit, perByte, x.Width())
	}
	b.compact++
	b = b.In("gelu2bit")
	packed := b.packSteps(x)
	out := b.After(packed.Op).GELU(Detach(x)) // packed later, x would stay alive while the blocks after this one run
	return b.differentiable(out, []Value{x}, func(g *Gate, dy Value) []Value {
		slopes := g.node("GatherV2", []int{packed.Shape[0], perByte}, nil, g.slopeTable().Output, g.cast(g.Saved(packed), tf.Int32).Output, g.axis(0).Output)
		return []Value{g.mul(g.reshape(slopes, x.Shape...), g.widen(dy))}
	})
}

// CompactGELUs counts the values of the graph whose gradient is CompactGELU's approximation.
func (b *Builder) CompactGELUs() int { return b.compact }

// packSteps is the steps of the staircase that the values of x are on, four in a byte: [n / 4].
func (b *Builder) packSteps(x Value) Value {
	var steps Value
	for _, threshold := range geluThresholds {
		above := b.cast(b.binary("Greater", x, b.scalar(threshold)), tf.Uint8)
		if steps.Defined() {
			above = b.add(steps, above)
		}
		steps = above
	}
	n := leading(x.Shape)
	if n != Unknown {
		n *= x.Width() / perByte
	}
	digits := b.cast(b.reshape(steps, n, perByte), tf.Float)
	bytes := b.node("MatMul", []int{n, 1}, nil, digits.Output, b.reshape(b.vector([]float32{1, 4, 16, 64}), perByte, 1).Output)
	return b.reshape(b.cast(bytes, tf.Uint8), n)
}

// slopeTable is the slopes of the four values in a byte: [256, 4].
func (b *Builder) slopeTable() Value {
	return b.Shared("gelu2bit", func(b *Builder) Value {
		table := tensor.Zeros(256, perByte)
		for i := range table.Float32() {
			steps := i / perByte >> (2 * (i % perByte)) & 3
			slope := 0.0
			for _, rise := range geluRises[:steps] {
				slope += rise
			}
			table.Float32()[i] = float32(slope)
		}
		return b.Constant(table)
	})
}
