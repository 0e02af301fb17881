package vit

import (
	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
)

// Block implements backbone.Network: z = x + attention(norm1(x)), then z + mlp(norm2(z)).
func (a Architecture) Block(f *backbone.Forward, b *graph.Builder, block backbone.Block, x graph.Value, drop func(branch graph.Value, which int) graph.Value) graph.Value {
	return layers{f, block, a}.block(b, x, x.Shape[1], drop)
}

// block is the first n tokens of the block's output.
func (v layers) block(b *graph.Builder, x graph.Value, n int, drop func(branch graph.Value, which int) graph.Value) graph.Value {
	z := v.mixed(b, x, n, drop)
	branch, sum := drop(v.mlp(b.In("mlp"), z), 1), b
	if n < x.Shape[1] {
		// With a single token TensorFlow may find that both have the same shape, and sum z and the addends of the branch in another
		// order. It depends on what else a graph knows, so the bits would. A control dependency prevents that.
		sum = b.After(x.Op)
	}
	return v.Tap(b, backbone.MLPOutput, v.Block, z, sum.Add(z, branch))
}

// mixed is the first n tokens of x + attention(norm1(x)).
func (v layers) mixed(b *graph.Builder, x graph.Value, n int, drop func(branch graph.Value, which int) graph.Value) graph.Value {
	// Save the branch rather than the sum: x is saved anyway, and the branch has the smaller type of matrix products.
	branch := b.Save(drop(v.attention(b.In("attn"), x, n), 0), graph.Costly)
	return b.Add(b.SliceTokens(x, 0, n), branch)
}

// layers builds the parts of one block.
type layers struct {
	*backbone.Forward
	backbone.Block
	arch Architecture
}

// attention is the first n tokens of attention(norm1(x)), before stochastic depth.
func (v layers) attention(b *graph.Builder, x graph.Value, n int) graph.Value {
	y := v.norm(b, backbone.Norm1, "LayerNorm_0", x)
	q := v.project(b, backbone.Query, "query", v.arch.QKVBias != NoQKVBias, y)
	k := v.project(b, backbone.Key, "key", v.arch.QKVBias == "", y)
	value := v.project(b, backbone.Value, "value", v.arch.QKVBias != NoQKVBias, y)
	// Methods share work between the taps of query, key and value, so the query too is computed for all tokens.
	q, x = b.In("query").SliceTokens(q, 0, n), b.SliceTokens(x, 0, n)
	mixed := b.RotaryAttention(q, k, value, v.Heads, v.turns(k.Shape[1]))
	d, h := v.Width, v.Heads
	name := inBlock(v.Index, attention+"out")
	kernel := b.Reshape(v.Weight(name+"/kernel", h, d/h, d), d, d)
	out := v.Tap(b, backbone.Projection, v.Block, mixed, b.In("out").Linear(mixed, kernel, v.Weight(name+"/bias", d)))
	return v.Tap(b, backbone.AttentionBranch, v.Block, x, v.scaled(b, scaleAttention, out))
}

// project is the query, key or value layer.
func (v layers) project(b *graph.Builder, p backbone.Point, which string, biased bool, y graph.Value) graph.Value {
	b = b.In(which)
	d, h := v.Width, v.Heads
	name := inBlock(v.Index, attention+which)
	kernel := b.Reshape(v.Weight(name+"/kernel", d, h, d/h), d, d)
	var bias graph.Value
	if biased {
		bias = b.Reshape(v.Weight(name+"/bias", h, d/h), d)
	}
	return v.Tap(b, p, v.Block, y, b.Linear(y, kernel, bias))
}

// hidden is the inputs of the MLP's second layer: [B, T, d] -> [B*T, mlp].
func (v layers) hidden(b *graph.Builder, x graph.Value) graph.Value {
	y := b.Rows(v.norm(b, backbone.Norm2, "LayerNorm_2", x))
	hidden := b.Save(v.dense(b.In("fc1"), backbone.FC1, denseIn, y, v.Width, v.MLP), graph.Costly)
	if v.arch.Gated {
		gate := b.Save(v.dense(b.In("gate"), backbone.Gate, denseGate, y, v.Width, v.MLP), graph.Costly)
		hidden = b.SwiGLU(gate, hidden)
	} else {
		hidden = v.arch.activate(b, hidden)
	}
	if v.arch.InnerNorm {
		hidden = v.norm(b.In("inner"), backbone.InnerNorm, innerNorm, hidden)
	}
	return hidden
}

func (v layers) mlp(b *graph.Builder, x graph.Value) graph.Value {
	out := b.Reshape(v.dense(b.In("fc2"), backbone.FC2, denseOut, v.hidden(b, x), v.MLP, v.Width), x.Shape...)
	return v.Tap(b, backbone.MLPBranch, v.Block, x, v.scaled(b, scaleMLP, out))
}

// quickSlope is the slope of QuickGELU (openai/CLIP, clip/model.py).
const quickSlope = 1.702

// activate is the activation of the MLPs.
func (a Architecture) activate(b *graph.Builder, x graph.Value) graph.Value {
	switch a.Activation() {
	case backbone.TanhGELU:
		return b.TanhGELU(x)
	case backbone.QuickGELU:
		return b.Swish(x, quickSlope)
	}
	return b.CompactGELU(x)
}

func (v layers) dense(b *graph.Builder, p backbone.Point, name string, x graph.Value, in, out int) graph.Value {
	return v.Tap(b, p, v.Block, x, v.linear(b, name, x, in, out))
}

func (v layers) linear(b *graph.Builder, name string, x graph.Value, in, out int) graph.Value {
	name = inBlock(v.Index, name)
	return b.Linear(x, v.Weight(name+"/kernel", in, out), v.Weight(name+"/bias", out))
}

func (v layers) norm(b *graph.Builder, p backbone.Point, name string, x graph.Value) graph.Value {
	name = inBlock(v.Index, name)
	return v.Tap(b, p, v.Block, x, b.LayerNorm(x, v.Weight(name+"/scale", x.Width()), v.Weight(name+"/bias", x.Width()), v.arch.Eps))
}

// Next implements backbone.Network: a ViT has one stage.
func (a Architecture) Next(_ *backbone.Forward, _ *graph.Builder, _ backbone.Block, z graph.Value) graph.Value {
	return z
}
