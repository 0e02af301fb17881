package backbone

import (
	"fmt"

	"dtl-tf/graph"
)

// Embed is x_0 [B, T, d]: embedded patches behind the class token, positions added.
func (a Architecture) Embed(f *Forward, b *graph.Builder, images graph.Value) graph.Value {
	patches := b.Patches(images, a.Patch)
	kernel := b.Reshape(f.Weight(patchKernel, a.Patch, a.Patch, 3, a.Width), a.Patch*a.Patch*3, a.Width)
	embedded := b.Linear(patches, kernel, f.Weight(patchBias, a.Width))
	embedded = f.Tap(b, PatchEmbedding, a.Blocks()[0].Outside(), patches, embedded)
	class := b.Repeat(f.Weight(classToken, 1, 1, a.Width), embedded)
	return b.AddRow(b.ConcatTokens(class, embedded), f.Weight(positions, 1, a.Tokens(), a.Width))
}

// Block is z = x + attention(norm1(x)), then z + mlp(norm2(z)). drop applies stochastic depth to a branch (0 attention, 1 MLP).
func (a Architecture) Block(f *Forward, b *graph.Builder, block Block, x graph.Value, drop func(branch graph.Value, which int) graph.Value) graph.Value {
	v := vitBlock{f, block, a.Eps}
	// The branch is saved rather than the sum: x is there already, and the branch has the precision of products.
	z := b.Add(x, b.Keep(drop(v.attention(b.In("attn"), x), 0), graph.Costly))
	return f.Tap(b, MLPOutput, block, z, b.Add(z, drop(v.mlp(b.In("mlp"), z), 1)))
}

// vitBlock builds the parts of one block.
type vitBlock struct {
	*Forward
	Block
	eps float64
}

func (v vitBlock) attention(b *graph.Builder, x graph.Value) graph.Value {
	y := v.norm(b, Norm1, "LayerNorm_0", x)
	q := v.project(b, Query, "query", y)
	k := v.project(b, Key, "key", y)
	value := v.project(b, Value, "value", y)
	mixed := b.Attention(q, k, value, v.Heads)
	d, h := v.Width, v.Heads
	name := inBlock(v.Index, "MultiHeadDotProductAttention_1/out")
	kernel := b.Reshape(v.Weight(name+"/kernel", h, d/h, d), d, d)
	out := v.Tap(b, Projection, v.Block, mixed, b.In("out").Linear(mixed, kernel, v.Weight(name+"/bias", d)))
	return v.Tap(b, AttentionBranch, v.Block, x, out)
}

// project is the query, key or value layer.
func (v vitBlock) project(b *graph.Builder, p Point, which string, y graph.Value) graph.Value {
	b = b.In(which)
	d, h := v.Width, v.Heads
	name := inBlock(v.Index, "MultiHeadDotProductAttention_1/"+which)
	kernel := b.Reshape(v.Weight(name+"/kernel", d, h, d/h), d, d)
	bias := b.Reshape(v.Weight(name+"/bias", h, d/h), d)
	return v.Tap(b, p, v.Block, y, b.Linear(y, kernel, bias))
}

func (v vitBlock) mlp(b *graph.Builder, x graph.Value) graph.Value {
	y := b.Rows(v.norm(b, Norm2, "LayerNorm_2", x))
	hidden := b.Keep(v.dense(b.In("fc1"), FC1, 0, y, v.Width, v.MLP), graph.Costly)
	out := v.dense(b.In("fc2"), FC2, 1, b.GELU(hidden), v.MLP, v.Width)
	return v.Tap(b, MLPBranch, v.Block, x, b.Reshape(out, x.Shape...))
}

func (v vitBlock) dense(b *graph.Builder, p Point, n int, x graph.Value, in, out int) graph.Value {
	name := inBlock(v.Index, fmt.Sprintf("MlpBlock_3/Dense_%d", n))
	return v.Tap(b, p, v.Block, x, b.Linear(x, v.Weight(name+"/kernel", in, out), v.Weight(name+"/bias", out)))
}

func (v vitBlock) norm(b *graph.Builder, p Point, name string, x graph.Value) graph.Value {
	name = inBlock(v.Index, name)
	return v.Tap(b, p, v.Block, x, b.LayerNorm(x, v.Weight(name+"/scale", v.Width), v.Weight(name+"/bias", v.Width), v.eps))
}

// Pool turns the last output [B, T, d] into features [B, d].
func (a Architecture) Pool(f *Forward, b *graph.Builder, x graph.Value, pool Pool) graph.Value {
	last := a.Blocks()[a.Depth-1]
	y := x
	if pool == PoolMean {
		// Extra tokens (prompts) stand between the class token and the patches, so patches count from the end.
		y = b.MeanTokens(x, x.Shape[1]-last.Patches())
	} else {
		y = b.Token(x, 0) // LayerNorm works token by token: norm before or after the choice is the same
	}
	return f.Tap(b, FinalNorm, last.Outside(), y, b.LayerNorm(y, f.Weight(finalScale, a.Width), f.Weight(finalBias, a.Width), a.Eps))
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
