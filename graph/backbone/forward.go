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
	// Weight gives a weight by its .npz name; it decides what is frozen and what trains.
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
	x := f.embed(b.In("embedding"), images)
	blocks := f.Arch.Blocks()
	for i := range blocks {
		x = f.block(blockScope(b, i), x, blocks[i:])
	}
	return f.Arch.Pool(f, b.In("pool"), x, pool)
}

func blockScope(b *graph.Builder, index int) *graph.Builder {
	return b.In(fmt.Sprintf("block_%02d", index))
}

// Given are values of a forward pass that were computed before, by one without a method.
type Given struct {
	Blocks int // the blocks 0..Blocks-1 are not run
	// Stream holds x_0, ..., x_Blocks [B, T, d], the inputs of those blocks and the output of the last. It has the zero Value
	// where no hook looks; the last is needed unless there are Features.
	Stream []graph.Value
	// Features [B, d], where given, stand for the end of the pass: all blocks are given and none of them is changed.
	Features graph.Value
}

// Resume is Features from given values on. Hooks are called at the inputs and outputs of the given blocks, but not inside
// of them.
func (f *Forward) Resume(b *graph.Builder, g Given, pool Pool) graph.Value {
	blocks := f.Arch.Blocks()
	x := f.Tap(b.In("embedding"), Tokens, blocks[0].Outside(), g.Stream[0], g.Stream[0])
	for i, block := range blocks {
		b := blockScope(b, i)
		if i >= g.Blocks {
			x = f.block(b, x, blocks[i:])
			continue
		}
		f.Tap(b, BlockInput, block, g.Stream[i], g.Stream[i])
		x = f.Tap(b, BlockOutput, block, g.Stream[i], g.Stream[i+1])
	}
	if g.Features.Defined() {
		return g.Features
	}
	return f.Arch.Pool(f, b.In("pool"), x, pool)
}

// embed is x_0 [B, T, d].
func (f *Forward) embed(b *graph.Builder, images graph.Value) graph.Value {
	x := f.Arch.Embed(f, b, images)
	return f.Tap(b, Tokens, f.Arch.Blocks()[0].Outside(), x, x)
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
	return f.Tap(b, BlockOutput, block, x, z)
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
