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

func (f *Forward) tap(b *graph.Builder, p Point, block int, in, out graph.Value) graph.Value {
	if f.Hook == nil {
		return out
	}
	return f.Hook(b.In("method"), Tap{p, block}, in, out)
}

// Features runs normalised images [B, S, S, 3] through the network: [B, d].
func (f *Forward) Features(b *graph.Builder, images graph.Value, pool Pool) graph.Value {
	x := f.tokens(b, images)
	for i := range f.Arch.Depth {
		x = f.block(b.In(fmt.Sprintf("block_%02d", i)), x, i)
	}
	return f.pool(b.In("pool"), x, pool)
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
	x := f.tap(b.In("embedding"), Tokens, -1, g.Stream[0], g.Stream[0])
	for i := range f.Arch.Depth {
		b := b.In(fmt.Sprintf("block_%02d", i))
		if i >= g.Blocks {
			x = f.block(b, x, i)
			continue
		}
		f.tap(b, BlockInput, i, g.Stream[i], g.Stream[i])
		x = f.tap(b, BlockOutput, i, g.Stream[i], g.Stream[i+1])
	}
	if g.Features.Defined() {
		return g.Features
	}
	return f.pool(b.In("pool"), x, pool)
}

// tokens is x_0 [B, T, d]: embedded patches behind the class token, positions added.
func (f *Forward) tokens(b *graph.Builder, images graph.Value) graph.Value {
	a := f.Arch
	b = b.In("embedding")
	patches := b.Patches(images, a.Patch)
	kernel := b.Reshape(f.Weight(patchKernel, a.Patch, a.Patch, 3, a.Width), a.Patch*a.Patch*3, a.Width)
	embedded := b.Linear(patches, kernel, f.Weight(patchBias, a.Width))
	embedded = f.tap(b, PatchEmbedding, -1, patches, embedded)
	class := b.Repeat(f.Weight(classToken, 1, 1, a.Width), embedded)
	x := b.AddRow(b.ConcatTokens(class, embedded), f.Weight(positions, 1, a.Tokens(), a.Width))
	return f.tap(b, Tokens, -1, x, x)
}

// block is z = x + attention(norm1(x)), then z + mlp(norm2(z)), with the taps on the way.
func (f *Forward) block(b *graph.Builder, x graph.Value, i int) graph.Value {
	x = f.tap(b, BlockInput, i, x, x)
	inputs := []graph.Value{x}
	masks := map[int]int{} // where in inputs the mask of a branch is
	for branch := range 2 {
		if mask := f.survivors(b, i, branch); mask.Defined() {
			masks[branch] = len(inputs)
			inputs = append(inputs, mask)
		}
	}
	z := b.Region(inputs, f.Arch.Depth-1-i, func(b *graph.Builder, inputs []graph.Value) graph.Value {
		x := inputs[0]
		masked := func(branch graph.Value, which int) graph.Value {
			if at, ok := masks[which]; ok {
				return b.MulMask(branch, inputs[at])
			}
			return branch
		}
		// What is kept of the sum is the branch: x is there, and the branch is of the precision of products.
		z := b.Add(x, b.Keep(masked(f.attention(b.In("attn"), x, i), 0), graph.Costly))
		return f.tap(b, MLPOutput, i, z, b.Add(z, masked(f.mlp(b.In("mlp"), z, i), 1)))
	})
	return f.tap(b, BlockOutput, i, x, z)
}

// survivors is the stochastic-depth mask of a block's branch, the zero Value for none.
func (f *Forward) survivors(b *graph.Builder, block, branch int) graph.Value {
	if f.Survivors == nil {
		return graph.Value{}
	}
	return f.Survivors(b, block, branch)
}

func (f *Forward) attention(b *graph.Builder, x graph.Value, i int) graph.Value {
	y := f.norm(b, Norm1, i, "LayerNorm_0", x)
	q := f.project(b, Query, i, "query", y)
	k := f.project(b, Key, i, "key", y)
	v := f.project(b, Value, i, "value", y)
	mixed := b.Attention(q, k, v, f.Arch.Heads)
	d, h := f.Arch.Width, f.Arch.Heads
	name := inBlock(i, "MultiHeadDotProductAttention_1/out")
	kernel := b.Reshape(f.Weight(name+"/kernel", h, d/h, d), d, d)
	out := f.tap(b, Projection, i, mixed, b.In("out").Linear(mixed, kernel, f.Weight(name+"/bias", d)))
	return f.tap(b, AttentionBranch, i, x, out)
}

// project is the query, key or value layer.
func (f *Forward) project(b *graph.Builder, p Point, i int, which string, y graph.Value) graph.Value {
	b = b.In(which)
	d, h := f.Arch.Width, f.Arch.Heads
	name := inBlock(i, "MultiHeadDotProductAttention_1/"+which)
	kernel := b.Reshape(f.Weight(name+"/kernel", d, h, d/h), d, d)
	bias := b.Reshape(f.Weight(name+"/bias", h, d/h), d)
	return f.tap(b, p, i, y, b.Linear(y, kernel, bias))
}

func (f *Forward) mlp(b *graph.Builder, x graph.Value, i int) graph.Value {
	y := b.Rows(f.norm(b, Norm2, i, "LayerNorm_2", x))
	hidden := b.Keep(f.dense(b.In("fc1"), FC1, i, 0, y, f.Arch.Width, f.Arch.MLP), graph.Costly)
	out := f.dense(b.In("fc2"), FC2, i, 1, b.GELU(hidden), f.Arch.MLP, f.Arch.Width)
	return f.tap(b, MLPBranch, i, x, b.Reshape(out, x.Shape...))
}

func (f *Forward) dense(b *graph.Builder, p Point, i, n int, x graph.Value, in, out int) graph.Value {
	name := inBlock(i, fmt.Sprintf("MlpBlock_3/Dense_%d", n))
	return f.tap(b, p, i, x, b.Linear(x, f.Weight(name+"/kernel", in, out), f.Weight(name+"/bias", out)))
}

func (f *Forward) norm(b *graph.Builder, p Point, i int, name string, x graph.Value) graph.Value {
	d := f.Arch.Width
	name = inBlock(i, name)
	return f.tap(b, p, i, x, b.LayerNorm(x, f.Weight(name+"/scale", d), f.Weight(name+"/bias", d), f.Arch.Eps))
}

func (f *Forward) pool(b *graph.Builder, x graph.Value, pool Pool) graph.Value {
	// Extra tokens (prompts) stand between the class token and the patches, so patches count from the end.
	patches := f.Arch.Grid() * f.Arch.Grid()
	y := x
	if pool == PoolMean {
		y = b.MeanTokens(x, x.Shape[1]-patches)
	} else {
		y = b.Token(x, 0) // LayerNorm works token by token: norm before or after the choice is the same
	}
	d := f.Arch.Width
	return f.tap(b, FinalNorm, -1, y, b.LayerNorm(y, f.Weight(finalScale, d), f.Weight(finalBias, d), f.Arch.Eps))
}

// OwnHead is the backbone's classifier as it was trained: features [B, d] to logits [B, classes].
func (f *Forward) OwnHead(b *graph.Builder, features graph.Value) graph.Value {
	b = b.In("own_head")
	for _, s := range f.Arch.Specs() {
		if s.Name == hiddenKernel {
			features = b.Tanh(b.Linear(features, f.Weight(hiddenKernel, s.Shape...), f.Weight(hiddenBias, s.Shape[1])))
		}
		if s.Name == headKernel {
			return b.Linear(features, f.Weight(headKernel, s.Shape...), f.Weight(headBias, s.Shape[1]))
		}
	}
	graph.Fail("the backbone has no head of its own: give an --adapter")
	return graph.Value{}
}
