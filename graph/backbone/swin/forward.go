package swin

import (
	"fmt"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
)

// Embed implements backbone.Network: embedded patches, normalised. Positions enter in the attention.
func (a Architecture) Embed(f *backbone.Forward, b *graph.Builder, images graph.Value) graph.Value {
	patches, outside := b.Patches(images, a.Patch), a.Blocks()[0].Outside()
	kernel := b.Reshape(f.Weight(patchKernel, a.Patch, a.Patch, 3, a.Width), a.Patch*a.Patch*3, a.Width)
	embedded := f.Tap(b, backbone.PatchEmbedding, outside, patches, b.Linear(patches, kernel, f.Weight(patchBias, a.Width)))
	return f.Tap(b, backbone.EmbeddingNorm, outside, embedded, b.Float(a.norm(f, b.In("norm"), patchNorm, embedded)))
}

// norm is the LayerNorm of that name.
func (a Architecture) norm(f *backbone.Forward, b *graph.Builder, name string, x graph.Value) graph.Value {
	return b.LayerNorm(x, f.Weight(name+"/scale", x.Width()), f.Weight(name+"/bias", x.Width()), a.Eps)
}

// Block implements backbone.Network: z = x + attention(norm1(x)), then z + mlp(norm2(z)). The attention of every other block of a
// stage is in windows that are shifted by half their side.
func (a Architecture) Block(f *backbone.Forward, b *graph.Builder, block backbone.Block, x graph.Value, drop func(branch graph.Value, which int) graph.Value) graph.Value {
	v := layers{arch: a, Forward: f, Block: block, w: a.window(block.Stage), extra: x.Shape[1] - block.Patches()}
	if (block.Index-a.first(block.Stage))%2 == 1 && v.w < block.Side {
		v.shift = a.Window / 2
	}
	// Save the branch rather than the sum: x is saved anyway, and the branch has the smaller type of matrix products.
	z := b.Add(x, b.Save(drop(v.attention(b.In("attn"), x), 0), graph.Cheap))
	return f.Tap(b, backbone.MLPOutput, block, z, b.Add(z, drop(v.mlp(b.In("mlp"), z), 1)))
}

// layers builds the parts of one block.
type layers struct {
	arch Architecture
	*backbone.Forward
	backbone.Block
	w, shift int // side of the windows and their offset, in patches
	extra    int // tokens of a method before the patches: every window has them
}

func (v layers) attention(b *graph.Builder, x graph.Value) graph.Value {
	y := v.windows(b.In("windows"), v.norm(b, backbone.Norm1, "norm1", x))
	q := v.dense(b.In("query"), backbone.Query, "attn/query", y, v.Width)
	k := v.dense(b.In("key"), backbone.Key, "attn/key", y, v.Width)
	value := v.dense(b.In("value"), backbone.Value, "attn/value", y, v.Width)
	mixed := b.Attention(q, k, value, v.Heads, v.bias(b))
	out := v.join(b.In("join"), v.dense(b.In("out"), backbone.Projection, "attn/proj", mixed, v.Width))
	return v.Tap(b, backbone.AttentionBranch, v.Block, x, out)
}

// count is the number of windows in an image.
func (v layers) count() int { return v.Patches() / (v.w * v.w) }

// windows cuts the grid of x [B, T, d] into n windows of w x w patches: [B n, extra + w*w, d]. Extra tokens enter every window, as
// in VPT's Swin (KMnP/vpt, vit_prompt/swin_transformer.py).
func (v layers) windows(b *graph.Builder, x graph.Value) graph.Value {
	patches := b.PermuteTokens(b.SliceTokens(x, v.extra, x.Shape[1]), windowOrder(v.Side, v.w, v.shift))
	patches = b.Reshape(patches, graph.Times(x.Shape[0], v.count()), v.w*v.w, v.Width)
	if v.extra == 0 {
		return patches
	}
	return b.ConcatTokens(b.RepeatSamples(b.SliceTokens(x, 0, v.extra), v.count()), patches)
}

// join is the inverse of windows. An extra token becomes the mean over the windows.
func (v layers) join(b *graph.Builder, x graph.Value) graph.Value {
	patches := b.SliceTokens(x, v.extra, x.Shape[1])
	images := x.Shape[0]
	if images != graph.Unknown {
		images /= v.count()
	}
	patches = b.PermuteTokens(b.Reshape(patches, images, v.Patches(), v.Width), graph.Inverse(windowOrder(v.Side, v.w, v.shift)))
	if v.extra == 0 {
		return patches
	}
	return b.ConcatTokens(b.MeanSamples(b.SliceTokens(x, 0, v.extra), v.count()), patches)
}

// bias is the relative position bias of a block, in shifted windows with the masks: computed once, not once a step.
func (v layers) bias(b *graph.Builder) graph.Value {
	name := v.arch.inBlock(v.Block, tableName)
	table := v.Weight(name, tableRows(v.w), v.Heads)
	return v.Derived(b, fmt.Sprintf("%s/extra_%d", name, v.extra), table, func(b *graph.Builder) graph.Value {
		var masks []float32
		if v.shift > 0 {
			masks = windowMasks(v.Side, v.w, v.shift)
		}
		return b.RelativeBias(table, relativeIndex(v.w), masks, v.extra)
	})
}

func (v layers) mlp(b *graph.Builder, x graph.Value) graph.Value {
	y := b.Rows(v.norm(b, backbone.Norm2, "norm2", x))
	hidden := b.Save(v.dense(b.In("fc1"), backbone.FC1, "mlp/fc1", y, v.MLP), graph.Costly)
	out := v.dense(b.In("fc2"), backbone.FC2, "mlp/fc2", b.CompactGELU(hidden), v.Width)
	return v.Tap(b, backbone.MLPBranch, v.Block, x, b.Reshape(out, x.Shape...))
}

func (v layers) dense(b *graph.Builder, p backbone.Point, name string, x graph.Value, out int) graph.Value {
	name = v.arch.inBlock(v.Block, name)
	return v.Tap(b, p, v.Block, x, b.Linear(x, v.Weight(name+"/kernel", x.Width(), out), v.Weight(name+"/bias", out)))
}

func (v layers) norm(b *graph.Builder, p backbone.Point, name string, x graph.Value) graph.Value {
	return v.Tap(b, p, v.Block, x, v.arch.norm(v.Forward, b, v.arch.inBlock(v.Block, name), x))
}

// Next implements backbone.Network: at the end of a stage, LayerNorm and a linear layer merge each 2 x 2 patches into one. Extra
// tokens enter four times side by side, as in VPT's Swin.
func (a Architecture) Next(f *backbone.Forward, b *graph.Builder, block backbone.Block, z graph.Value) graph.Value {
	if !a.endsStage(block) {
		return z
	}
	b = b.In("merge")
	extra := z.Shape[1] - block.Patches()
	joined := b.MergePatches(b.SliceTokens(z, extra, z.Shape[1]))
	if extra > 0 {
		tokens := b.SliceTokens(z, 0, extra)
		joined = b.ConcatTokens(b.ConcatLast(tokens, tokens, tokens, tokens), joined)
	}
	y := f.Tap(b, backbone.MergeNorm, block, joined, a.norm(f, b, inMerge(block.Stage, "norm"), joined))
	kernel := f.Weight(inMerge(block.Stage, "reduction/kernel"), y.Width(), y.Width()/2)
	return b.Float(b.Linear(y, kernel, graph.Value{}))
}

// Pooled implements backbone.Network: LayerNorm of every token, then the mean over all of them, a method's included as in VPT's
// Swin.
func (a Architecture) Pooled(f *backbone.Forward, b *graph.Builder, x graph.Value, pool backbone.Pool) graph.Value {
	if err := backbone.CheckPool(a, pool); err != nil {
		graph.Fail("%w", err)
	}
	return b.MeanTokens(f.Tap(b, backbone.FinalNorm, a.last().Outside(), x, a.norm(f, b, finalNorm, x)), 0)
}

func (a Architecture) OwnHead(f *backbone.Forward, b *graph.Builder, features graph.Value) graph.Value {
	if a.Labels == 0 {
		graph.Fail("the backbone has no head of its own")
	}
	return b.Linear(features, f.Weight(headKernel, features.Width(), a.Labels), f.Weight(headBias, a.Labels))
}
