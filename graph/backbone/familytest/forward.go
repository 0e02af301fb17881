package familytest

import (
	"fmt"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
)

func linear(f *backbone.Forward, b *graph.Builder, name string, x graph.Value, out int) graph.Value {
	return b.Linear(x, f.Weight(name+"/kernel", x.Width(), out), f.Weight(name+"/bias", out))
}

func (t Toy) norm(f *backbone.Forward, b *graph.Builder, name string, x graph.Value) graph.Value {
	return b.LayerNorm(x, f.Weight(name+"/scale", x.Width()), f.Weight(name+"/bias", x.Width()), t.Eps)
}

func (t Toy) Embed(f *backbone.Forward, b *graph.Builder, images graph.Value) graph.Value {
	patches := b.Patches(images, t.Patch)
	return f.Tap(b, backbone.PatchEmbedding, t.Blocks()[0].Outside(), patches, linear(f, b, "toy/embed", patches, t.Width))
}

// Block implements backbone.Network: z = x + fc2(gelu(fc1(norm(x)))).
func (t Toy) Block(f *backbone.Forward, b *graph.Builder, block backbone.Block, x graph.Value, drop func(graph.Value, int) graph.Value) graph.Value {
	name := fmt.Sprintf("toy/block_%d/", block.Index)
	y := b.Rows(f.Tap(b, backbone.Norm2, block, x, t.norm(f, b, name+"norm", x)))
	hidden := b.Save(f.Tap(b, backbone.FC1, block, y, linear(f, b.In("fc1"), name+"fc1", y, block.MLP)), graph.Costly)
	g := b.CompactGELU(hidden)
	out := f.Tap(b, backbone.FC2, block, g, linear(f, b.In("fc2"), name+"fc2", g, block.Width))
	branch := f.Tap(b, backbone.MLPBranch, block, x, b.Reshape(out, x.Shape...))
	return f.Tap(b, backbone.MLPOutput, block, x, b.Add(x, drop(branch, 1)))
}

// Next implements backbone.Network: after the first stage it merges 2 x 2 patches and maps them to twice the width.
func (t Toy) Next(f *backbone.Forward, b *graph.Builder, block backbone.Block, z graph.Value) graph.Value {
	if block.Index != t.Depth-1 {
		return z
	}
	b = b.In("merge")
	batch, side := z.Shape[0], block.Side
	joined := b.Patches(b.Reshape(z, batch, side, side, block.Width), 2)
	return linear(f, b, "toy/merge", joined, 2*t.Width)
}

// Pooled implements backbone.Network. There is no class token, so both pools are the mean.
func (t Toy) Pooled(f *backbone.Forward, b *graph.Builder, x graph.Value, _ backbone.Pool) graph.Value {
	y := b.MeanTokens(x, 0)
	last := t.Blocks()[2*t.Depth-1]
	return f.Tap(b, backbone.FinalNorm, last.Outside(), y, t.norm(f, b, "toy/norm", y))
}

func (t Toy) OwnHead(f *backbone.Forward, b *graph.Builder, features graph.Value) graph.Value {
	if t.Own == 0 {
		graph.Fail("the backbone has no head of its own")
	}
	return linear(f, b, "toy/head", features, t.Own)
}
