package vit

import (
	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
)

// prefixToken is a weight with tokens that come before the patches.
type prefixToken struct {
	name  string
	count int
}

// prefixTokens lists the tokens before the patches in their order.
func (a Architecture) prefixTokens() (list []prefixToken) {
	if !a.NoClass {
		list = append(list, prefixToken{classToken, 1})
	}
	if a.Distilled {
		list = append(list, prefixToken{distillToken, 1})
	}
	if a.Registers > 0 {
		list = append(list, prefixToken{registers, a.Registers})
	}
	return list
}

// positions is the number of position embeddings.
func (a Architecture) positions() int {
	switch a.Positions {
	case NoPositions:
		return 0
	case PatchPositions:
		return a.Grid() * a.Grid()
	}
	return a.Tokens()
}

// Embed implements backbone.Network: prefix tokens and embedded patches, positions added, in some networks normalised.
func (a Architecture) Embed(f *backbone.Forward, b *graph.Builder, images graph.Value) graph.Value {
	outside := a.Blocks()[0].Outside()
	patches := b.Patches(images, a.Patch)
	kernel := b.Reshape(f.Weight(patchKernel, a.Patch, a.Patch, 3, a.Width), a.Patch*a.Patch*3, a.Width)
	var bias graph.Value
	if !a.NoPatchBias {
		bias = f.Weight(patchBias, a.Width)
	}
	x := f.Tap(b, backbone.PatchEmbedding, outside, patches, b.Linear(patches, kernel, bias))
	if a.Positions == PatchPositions {
		x = b.AddRow(x, f.Weight(positions, 1, a.positions(), a.Width))
	}
	var prefix []graph.Value
	for _, token := range a.prefixTokens() {
		prefix = append(prefix, f.Weight(token.name, 1, token.count, a.Width))
	}
	if prefix != nil {
		x = b.ConcatTokens(b.Repeat(b.ConcatTokens(prefix...), x), x)
	}
	if a.Positions == "" {
		x = b.AddRow(x, f.Weight(positions, 1, a.positions(), a.Width))
	}
	if a.PreNorm {
		x = f.Tap(b, backbone.EmbeddingNorm, outside, x, b.Float(b.LayerNorm(x, f.Weight(preScale, a.Width), f.Weight(preBias, a.Width), a.Eps)))
	}
	return x
}
