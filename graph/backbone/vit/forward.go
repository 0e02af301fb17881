package vit

import (
	"fmt"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
)

// Embed implements backbone.Network: the class token followed by the embedded patches, positions added.
func (a Architecture) Embed(f *backbone.Forward, b *graph.Builder, images graph.Value) graph.Value {
	patches := b.Patches(images, a.Patch)
	kernel := b.Reshape(f.Weight(patchKernel, a.Patch, a.Patch, 3, a.Width), a.Patch*a.Patch*3, a.Width)
	embedded := b.Linear(patches, kernel, f.Weight(patchBias, a.Width))
	embedded = f.Tap(b, backbone.PatchEmbedding, a.Blocks()[0].Outside(), patches, embedded)
	class := b.Repeat(f.Weight(classToken, 1, 1, a.Width), embedded)
	return b.AddRow(b.ConcatTokens(class, embedded), f.Weight(positions, 1, a.Tokens(), a.Width))
}

// Block implements backbone.Network: z = x + attention(norm1(x)), then z + mlp(norm2(z)).
func (a Architecture) Block(f *backbone.Forward, b *graph.Builder, block backbone.Block, x graph.Value, drop func(branch graph.Value, which int) graph.Value) graph.Value {
	v := layers{f, block, a.Eps}
	// Save the branch rather than the sum: x is saved anyway, and the branch has the smaller type of matrix products.
	z := b.Add(x, b.Save(drop(v.attention(b.In("attn"), x), 0), graph.Costly))
	return f.Tap(b, backbone.MLPOutput, block, z, b.Add(z, drop(v.mlp(b.In("mlp"), z), 1)))
}

// layers builds the parts of one block.
type layers struct {
	*backbone.Forward
	backbone.Block
	eps float64
}

func (v layers) attention(b *graph.Builder, x graph.Value) graph.Value {
	y := v.norm(b, backbone.Norm1, "LayerNorm_0", x)
	q := v.project(b, backbone.Query, "query", y)
	k := v.project(b, backbone.Key, "key", y)
	value := v.project(b, backbone.Value, "value", y)
	mixed := b.Attention(q, k, value, v.Heads)
	d, h := v.Width, v.Heads
	name := inBlock(v.Index, "MultiHeadDotProductAttention_1/out")
	kernel := b.Reshape(v.Weight(name+"/kernel", h, d/h, d), d, d)
	out := v.Tap(b, backbone.Projection, v.Block, mixed, b.In("out").Linear(mixed, kernel, v.Weight(name+"/bias", d)))
	return v.Tap(b, backbone.AttentionBranch, v.Block, x, out)
}

// project is the query, key or value layer.
func (v layers) project(b *graph.Builder, p backbone.Point, which string, y graph.Value) graph.Value {
	b = b.In(which)
	d, h := v.Width, v.Heads
	name := inBlock(v.Index, "MultiHeadDotProductAttention_1/"+which)
	kernel := b.Reshape(v.Weight(name+"/kernel", d, h, d/h), d, d)
	bias := b.Reshape(v.Weight(name+"/bias", h, d/h), d)
	return v.Tap(b, p, v.Block, y, b.Linear(y, kernel, bias))
}

func (v layers) mlp(b *graph.Builder, x graph.Value) graph.Value {
	y := b.Rows(v.norm(b, backbone.Norm2, "LayerNorm_2", x))
	hidden := b.Save(v.dense(b.In("fc1"), backbone.FC1, 0, y, v.Width, v.MLP), graph.Costly)
	out := v.dense(b.In("fc2"), backbone.FC2, 1, b.GELU(hidden), v.MLP, v.Width)
	return v.Tap(b, backbone.MLPBranch, v.Block, x, b.Reshape(out, x.Shape...))
}

func (v layers) dense(b *graph.Builder, p backbone.Point, n int, x graph.Value, in, out int) graph.Value {
	name := inBlock(v.Index, fmt.Sprintf("MlpBlock_3/Dense_%d", n))
	return v.Tap(b, p, v.Block, x, b.Linear(x, v.Weight(name+"/kernel", in, out), v.Weight(name+"/bias", out)))
}

func (v layers) norm(b *graph.Builder, p backbone.Point, name string, x graph.Value) graph.Value {
	name = inBlock(v.Index, name)
	return v.Tap(b, p, v.Block, x, b.LayerNorm(x, v.Weight(name+"/scale", v.Width), v.Weight(name+"/bias", v.Width), v.eps))
}

func (a Architecture) Pooled(f *backbone.Forward, b *graph.Builder, x graph.Value, pool backbone.Pool) graph.Value {
	last := a.Blocks()[a.Depth-1]
	y := x
	if pool == backbone.PoolMean {
		// Extra tokens (prompts) come between the class token and the patches, so count patches from the end.
		y = b.MeanTokens(x, x.Shape[1]-last.Patches())
	} else {
		y = b.Token(x, 0) // before the norm, which is the same since LayerNorm treats tokens independently
	}
	return f.Tap(b, backbone.FinalNorm, last.Outside(), y, b.LayerNorm(y, f.Weight(finalScale, a.Width), f.Weight(finalBias, a.Width), a.Eps))
}

func (a Architecture) OwnHead(f *backbone.Forward, b *graph.Builder, features graph.Value) graph.Value {
	if a.Labels == 0 {
		graph.Fail("the backbone has no head of its own")
	}
	in := a.Width
	if a.Hidden > 0 {
		features = b.Tanh(b.Linear(features, f.Weight(hiddenKernel, in, a.Hidden), f.Weight(hiddenBias, a.Hidden)))
		in = a.Hidden
	}
	return b.Linear(features, f.Weight(headKernel, in, a.Labels), f.Weight(headBias, a.Labels))
}

// Next implements backbone.Network: a ViT has one stage.
func (a Architecture) Next(_ *backbone.Forward, _ *graph.Builder, _ backbone.Block, z graph.Value) graph.Value {
	return z
}
