package backbone

import (
	"fmt"

	"dtl-tf/graph"
)

// Forward builds forward passes of one backbone.
type Forward struct {
	Arch Architecture
	// Weight returns a weight by its name in Specs and thereby decides whether it is frozen or trains.
	Weight func(name string, shape ...int) graph.Value
	// Derive returns the value that build computes from frozen weights alone. nil computes it once a pass, not once a session.
	Derive func(name string, build func(b *graph.Builder) graph.Value) graph.Value
	// Hook is the method's hook; nil builds the plain backbone.
	Hook Hook
	// Survivors returns the stochastic-depth mask [B, 1, 1] of a block's branch (0 attention, 1 MLP, 2 the method's own, see
	// OwnBranch), or the zero Value for no mask. nil means no masks at all.
	Survivors func(b *graph.Builder, block, branch int) graph.Value
	// ShortEnd allows the last block to compute only what enters the features (see EndOf). Of the hook, that asks what End.Skips and
	// End.Shortens tell.
	ShortEnd bool
}

// Tap passes a value through the method's hook. Families call it at the taps inside their blocks.
func (f *Forward) Tap(b *graph.Builder, p Point, block Block, in, out graph.Value) graph.Value {
	if f.Hook == nil {
		return out
	}
	return f.Hook(b.In("method"), Tap{p, block}, in, out)
}

// Derived returns the value that build computes from a weight alone. Without a gradient it is computed once a session if Derive
// allows that; otherwise once a run, whatever the number of chunks.
func (f *Forward) Derived(b *graph.Builder, name string, weight graph.Value, build func(b *graph.Builder) graph.Value) graph.Value {
	if f.Derive != nil && !weight.HasGradient() {
		return f.Derive(name, build)
	}
	return b.Shared(name, build)
}

// Features is the forward pass from normalised images [B, S, S, 3] to features [B, d].
func (f *Forward) Features(b *graph.Builder, images graph.Value, pool Pool) graph.Value {
	blocks := f.Arch.Blocks()
	x := f.Arch.Embed(f, b.In("embedding"), images)
	x = f.Tap(b.In("embedding"), Tokens, blocks[0].Outside(), x, x)
	end := f.ending(pool)
	for i := range blocks {
		x = f.block(blockScope(b, i), x, blocks[i:], end)
	}
	return f.pooled(b.In("pool"), x, pool, end)
}

// pooled is what the classifier reads, from the output of the last block, or the part of it that end gave.
func (f *Forward) pooled(b *graph.Builder, x graph.Value, pool Pool, end *ending) (features graph.Value) {
	blocks := f.Arch.Blocks()
	if end == nil {
		features = f.Arch.Pooled(f, b, x, pool)
	} else {
		features = end.PooledEnd(f, b, x, pool)
	}
	return f.Tap(b, Features, blocks[len(blocks)-1].Outside(), features, features)
}

func blockScope(b *graph.Builder, index int) *graph.Builder {
	return b.In(fmt.Sprintf("block_%02d", index))
}

// InputName is the name of a block's input: x_07 for block 7.
func InputName(block int) string { return fmt.Sprintf("x_%02d", block) }

// OutputName is the name of a block's output: z_07 for block 7 at the end of a stage, otherwise x_08, since the output is then the
// input of the next block.
func OutputName(blocks []Block, block int) string {
	if block+1 < len(blocks) && blocks[block+1].Stage != blocks[block].Stage {
		return fmt.Sprintf("z_%02d", block)
	}
	return InputName(block + 1)
}

// Given is precomputed values of a forward pass without a method.
type Given struct {
	Blocks int // blocks 0..Blocks-1 are given and do not run
	// Values has the inputs and outputs [B, T, d] of those blocks by name. Values that no hook reads may be missing, except the
	// output of the last given block, which is required unless Features are given.
	Values map[string]graph.Value
	// Features [B, d], if defined, replace the end of the pass. All blocks are then given, and the method changes nothing.
	Features graph.Value
}

// Resume is Features starting from given values. The hook is called at the inputs and outputs of the given blocks, but not inside
// them.
func (f *Forward) Resume(b *graph.Builder, g Given, pool Pool) graph.Value {
	blocks := f.Arch.Blocks()
	end := f.ending(pool)
	if g.Blocks == len(blocks) {
		end = nil // the last block's output is given
	}
	x := g.Values[InputName(0)]
	x = f.Tap(b.In("embedding"), Tokens, blocks[0].Outside(), x, x)
	for i, block := range blocks {
		b := blockScope(b, i)
		if i >= g.Blocks {
			x = f.block(b, x, blocks[i:], end)
			continue
		}
		in, out := g.Values[InputName(i)], g.Values[OutputName(blocks, i)]
		f.Tap(b, BlockInput, block, in, in)
		x = f.addend(b, block, in, f.Tap(b, BlockOutput, block, in, out), same)
		if i == g.Blocks-1 && x.Defined() {
			x = f.Arch.Next(f, b, block, x)
		}
	}
	if g.Features.Defined() {
		return g.Features
	}
	return f.pooled(b.In("pool"), x, pool, end)
}

// addend adds what the method adds to the output z of a block, or part of it. in is the block's input.
func (f *Forward) addend(b *graph.Builder, block Block, in, z graph.Value, part func(b *graph.Builder, addend graph.Value) graph.Value) graph.Value {
	if z.Defined() {
		b = b.After(z.Op) // nothing needs the addend before z; computed earlier, it would stay alive for the whole block
	}
	if y := f.Tap(b, BlockAddend, block, in, graph.Value{}); y.Defined() {
		b = b.In("addend")
		return b.Add(z, part(b, y))
	}
	return z
}

func same(_ *graph.Builder, addend graph.Value) graph.Value { return addend }

// MethodBranch is the number of a method's own branch for Survivors.
const MethodBranch = 2

// block builds block i, the first of remaining: x_i to x_i+1. The last block computes all tokens if end is nil.
func (f *Forward) block(b *graph.Builder, x graph.Value, remaining []Block, end *ending) graph.Value {
	block := remaining[0]
	if len(remaining) > 1 {
		end = nil
	}
	x = f.Tap(b, BlockInput, block, x, x)
	inputs := []graph.Value{x}
	masks := map[int]int{} // branch to index in inputs
	if f.Survivors != nil {
		for branch := range MethodBranch + 1 {
			if mask := f.Survivors(b, block.Index, branch); mask.Defined() {
				masks[branch] = len(inputs)
				inputs = append(inputs, mask)
			}
		}
	}
	z := b.Region(inputs, later(remaining), func(b *graph.Builder, inputs []graph.Value) graph.Value {
		drop := func(branch graph.Value, which int) graph.Value {
			if at, ok := masks[which]; ok {
				return b.MulMask(branch, inputs[at])
			}
			return branch
		}
		var z graph.Value
		if end == nil {
			z = f.Arch.Block(f, b, block, inputs[0], drop)
		} else if z = end.BlockEnd(f, b, block, inputs[0], end.pool, drop); end.End(end.pool).Skips(OwnBranch) {
			return z
		}
		if own := f.Tap(b, OwnBranch, block, z, graph.Value{}); own.Defined() {
			z = b.In("own").Add(z, drop(own, MethodBranch))
		}
		return z
	})
	if end != nil {
		return f.addend(b, block, x, z, func(b *graph.Builder, y graph.Value) graph.Value { return end.part(b, block, y, z) })
	}
	return f.Arch.Next(f, b, block, f.addend(b, block, x, f.Tap(b, BlockOutput, block, x, z), same))
}

// later estimates what the blocks after the first will save in multiples of what the first saves (see graph.Builder.Region). Saved
// activations grow with the number of tokens and their width.
func later(remaining []Block) float64 {
	size := func(b Block) float64 { return float64(b.Tokens() * b.Width) }
	sum := 0.0
	for _, block := range remaining[1:] {
		sum += size(block) / size(remaining[0])
	}
	return sum
}
