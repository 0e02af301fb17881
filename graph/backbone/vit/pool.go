package vit

import (
	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
)

// Weights of SigLIP's attention pooling, with the names of google-research/big_vision (models/vit.py, MAPHead).
const (
	mapQuery     = "MAPHead_0/probe" // [1, 1, d]
	mapAttention = "MAPHead_0/MultiHeadDotProductAttention_0/"
	mapNorm      = "MAPHead_0/LayerNorm_0"
	mapIn        = "MAPHead_0/MlpBlock_0/Dense_0"
	mapOut       = "MAPHead_0/MlpBlock_0/Dense_1"
)

// mapLayers lists the layers of the attention pooling. No tap is there, and their names are complete.
func (a Architecture) mapLayers() []layer {
	d, h, m := a.Width, a.Heads, a.MLP
	return []layer{
		{name: mapAttention + "query", kernel: []int{d, h, d / h}, bias: []int{h, d / h}},
		{name: mapAttention + "key", kernel: []int{d, h, d / h}, bias: []int{h, d / h}},
		{name: mapAttention + "value", kernel: []int{d, h, d / h}, bias: []int{h, d / h}},
		{name: mapAttention + "out", kernel: []int{h, d / h, d}, bias: []int{d}},
		{name: mapNorm, kernel: []int{d}, bias: []int{d}},
		{name: mapIn, kernel: []int{d, m}, bias: []int{m}},
		{name: mapOut, kernel: []int{m, d}, bias: []int{d}},
	}
}

// kernelName names the kernel, or the scale of a norm, of a layer whose name is complete.
func (l layer) kernelName() string {
	if l.isNorm() {
		return l.name + "/scale"
	}
	return l.name + "/kernel"
}

// Pooled implements backbone.Network. Tokens of a method (prompts) come between the prefix and the patches, so patches are counted
// from the end.
func (a Architecture) Pooled(f *backbone.Forward, b *graph.Builder, x graph.Value, pool backbone.Pool) graph.Value {
	if err := backbone.CheckPool(a, pool); err != nil {
		graph.Fail("%w", err)
	}
	last := a.Blocks()[a.Depth-1]
	norm := func(y graph.Value) graph.Value { return a.finalNorm(f, b, y) }
	mean := func(y graph.Value) graph.Value { return b.MeanTokens(y, y.Shape[1]-last.Patches()) }
	switch pool {
	case backbone.PoolClass: // before the norm, which is the same since LayerNorm treats tokens independently
		return norm(b.Token(x, 0))
	case backbone.PoolMap:
		return a.attend(f, b.In("map"), norm(x))
	case backbone.PoolDistilled:
		return b.Reshape(norm(b.SliceTokens(x, 0, 2)), x.Shape[0], 2*a.Width)
	case backbone.PoolBoth:
		y := norm(x)
		return b.ConcatLast(b.Float(b.Token(y, 0)), mean(y))
	}
	if a.NormedMean {
		return mean(norm(x))
	}
	return norm(mean(x))
}

// finalNorm is the LayerNorm after the last block, of y [B, d] or [B, T, d].
func (a Architecture) finalNorm(f *backbone.Forward, b *graph.Builder, y graph.Value) graph.Value {
	last := a.Blocks()[a.Depth-1]
	return f.Tap(b, backbone.FinalNorm, last.Outside(), y, b.LayerNorm(y, f.Weight(finalScale, a.Width), f.Weight(finalBias, a.Width), a.Eps))
}

// attend is SigLIP's attention pooling (timm, layers/attention_pool.py, AttentionPoolLatent) of normalised tokens [B, T, d]: [B, d].
func (a Architecture) attend(f *backbone.Forward, b *graph.Builder, x graph.Value) graph.Value {
	d := a.Width
	linear := func(b *graph.Builder, l layer, x graph.Value) graph.Value {
		in := d
		if l.name == mapOut {
			in = a.MLP
		}
		kernel, bias := f.Weight(l.kernelName(), l.kernel...), f.Weight(l.name+"/bias", l.bias...)
		out := kernelOutputs(l)
		return b.Linear(x, b.Reshape(kernel, in, out), b.Reshape(bias, out))
	}
	l := a.mapLayers()
	query := b.Repeat(linear(b.In("query"), l[0], f.Weight(mapQuery, 1, 1, d)), x)
	mixed := b.Attention(query, linear(b.In("key"), l[1], x), linear(b.In("value"), l[2], x), a.Heads)
	y := b.Reshape(linear(b.In("out"), l[3], mixed), x.Shape[0], d)
	hidden := linear(b.In("fc1"), l[5], b.LayerNorm(y, f.Weight(mapNorm+"/scale", d), f.Weight(mapNorm+"/bias", d), a.Eps))
	return b.Add(y, linear(b.In("fc2"), l[6], a.activate(b, hidden)))
}

// kernelOutputs is the number of outputs of a linear layer.
func kernelOutputs(l layer) int {
	out := 1
	for _, n := range l.bias {
		out *= n
	}
	return out
}

// OwnHead implements backbone.Network.
func (a Architecture) OwnHead(f *backbone.Forward, b *graph.Builder, features graph.Value) graph.Value {
	if a.Labels == 0 {
		graph.Fail("the backbone has no head of its own")
	}
	in := a.headWidth()
	if features.Defined() && features.Width() != in {
		graph.Fail("the backbone's own head reads %d features, and the pool gives %d: use its own pool", in, features.Width())
	}
	if a.Hidden > 0 {
		features = b.Tanh(b.Linear(features, f.Weight(hiddenKernel, in, a.Hidden), f.Weight(hiddenBias, a.Hidden)))
		in = a.Hidden
	}
	var bias graph.Value
	if !a.NoHeadBias {
		bias = f.Weight(headBias, a.Labels)
	}
	return b.Linear(features, f.Weight(headKernel, in, a.Labels), bias)
}
