package backbone

import (
	"fmt"

	"dtl-tf/graph"
)

// Pool says how the sequence becomes one vector for the classifier.
type Pool string

const (
	// PoolMean averages the patch tokens, without the class token, before the final LayerNorm.
	PoolMean Pool = "mean"
	// PoolClass takes the class token, after the final LayerNorm.
	PoolClass Pool = "cls"
)

// ParsePool checks the name of a pool.
func ParsePool(name string) (Pool, error) {
	switch p := Pool(name); p {
	case PoolMean, PoolClass:
		return p, nil
	}
	return "", fmt.Errorf("unknown pool %q: use mean or cls", name)
}

// Forward builds forward passes of one backbone.
type Forward struct {
	Arch Architecture
	// Weight gives a weight by its name in Specs; it decides what is frozen and what trains.
	Weight func(name string, shape ...int) graph.Value
	// Hook is a method's; nil leaves the plain backbone.
	Hook Hook
	// Survivors gives the stochastic-depth mask [B, 1, 1] of a block's branch (0 attention, 1 MLP), or the
	// zero Value for none; nil means none anywhere.
	Survivors func(b *graph.Builder, block, branch int) graph.Value
}

// Tap hands a value to the method's hook and returns what goes on in its place. Families call it inside of their blocks.
func (f *Forward) Tap(b *graph.Builder, p Point, block Block, in, out graph.Value) graph.Value {
	if f.Hook == nil {
		return out
	}
	return f.Hook(b.In("method"), Tap{p, block}, in, out)
}

// Features runs normalised images [B, S, S, 3] through the network: [B, d].
func (f *Forward) Features(b *graph.Builder, images graph.Value, pool Pool) graph.Value {
	blocks := f.Arch.Blocks()
	x := f.Arch.Embed(f, b.In("embedding"), images)
	x = f.Tap(b.In("embedding"), Tokens, blocks[0].Outside(), x, x)
	for i := range blocks {
		x = f.block(blockScope(b, i), x, blocks[i:])
	}
	return f.Arch.Pooled(f, b.In("pool"), x, pool)
}

func blockScope(b *graph.Builder, index int) *graph.Builder {
	return b.In(fmt.Sprintf("block_%02d", index))
}

// InputName and OutputName name the values of the forward pass: x_07 goes into block 7, z_07 comes out of it. Where nothing
// stands between the blocks, what comes out of block 7 is what goes into block 8, and is called x_08.
func InputName(block int) string { return fmt.Sprintf("x_%02d", block) }

// OutputName is described at InputName.
func OutputName(blocks []Block, block int) string {
	if block+1 < len(blocks) && blocks[block+1].Stage != blocks[block].Stage {
		return fmt.Sprintf("z_%02d", block)
	}
	return InputName(block + 1)
}

// Given are values of a forward pass that were computed before, by one without a method.
type Given struct {
	Blocks int // the blocks 0..Blocks-1 are not run
	// Values holds inputs and outputs of those blocks [B, T, d] by their names. Those where no hook looks may be missing; the output
	// of the last is needed unless there are Features.
	Values map[string]graph.Value
	// Features [B, d], where given, stand for the end of the pass: all blocks are given and none of them is changed.
	Features graph.Value
}

// Resume is Features from given values on. Hooks are called at the inputs and outputs of the given blocks, but not inside
// of them.
func (f *Forward) Resume(b *graph.Builder, g Given, pool Pool) graph.Value {
	blocks := f.Arch.Blocks()
	x := g.Values[InputName(0)]
	x = f.Tap(b.In("embedding"), Tokens, blocks[0].Outside(), x, x)
	for i, block := range blocks {
		b := blockScope(b, i)
		if i >= g.Blocks {
			x = f.block(b, x, blocks[i:])
			continue
		}
		in, out := g.Values[InputName(i)], g.Values[OutputName(blocks, i)]
		f.Tap(b, BlockInput, block, in, in)
		x = f.Tap(b, BlockOutput, block, in, out)
		if i == g.Blocks-1 && x.Defined() {
			x = f.Arch.Next(f, b, block, x)
		}
	}
	if g.Features.Defined() {
		return g.Features
	}
	return f.Arch.Pooled(f, b.In("pool"), x, pool)
}

// block runs the first of the given blocks, which are those that are left: x_i to x_i+1.
func (f *Forward) block(b *graph.Builder, x graph.Value, left []Block) graph.Value {
	block := left[0]
	x = f.Tap(b, BlockInput, block, x, x)
	inputs := []graph.Value{x}
	masks := map[int]int{} // where in inputs the mask of a branch is
	for branch := range 2 {
		if mask := f.survivors(b, block.Index, branch); mask.Defined() {
			masks[branch] = len(inputs)
			inputs = append(inputs, mask)
		}
	}
	z := b.Region(inputs, later(left), func(b *graph.Builder, inputs []graph.Value) graph.Value {
		drop := func(branch graph.Value, which int) graph.Value {
			if at, ok := masks[which]; ok {
				return b.MulMask(branch, inputs[at])
			}
			return branch
		}
		return f.Arch.Block(f, b, block, inputs[0], drop)
	})
	return f.Arch.Next(f, b, block, f.Tap(b, BlockOutput, block, x, z))
}

// later is how large the blocks after the first are, in blocks of the first one's size: what a region saves grows with the tokens
// and their width.
func later(left []Block) float64 {
	size := func(b Block) float64 { return float64(b.Tokens() * b.Width) }
	sum := 0.0
	for _, block := range left[1:] {
		sum += size(block) / size(left[0])
	}
	return sum
}

// survivors is the stochastic-depth mask of a block's branch, the zero Value for none.
func (f *Forward) survivors(b *graph.Builder, block, branch int) graph.Value {
	if f.Survivors == nil {
		return graph.Value{}
	}
	return f.Survivors(b, block, branch)
}
