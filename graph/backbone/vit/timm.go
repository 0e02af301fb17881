package vit

import (
	"fmt"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
	"dtl-tf/graph/weight"
)

// timmHead is the kernel of the own head in timm's names.
const timmHead = "head.weight"

// timm is the layout of timm's vision_transformer.py (PyTorch): linear weights [out, in], convolutions [d, 3, p, p], and
// query, key and value in one matrix of rows [q | k | v], each head-major. The shapes leave the number of heads open.
var timm = backbone.Layout{
	Owns: func(m tensor.Map) bool {
		for _, name := range []string{"pos_embed", "patch_embed.proj.weight"} {
			if _, ok := m[name]; ok {
				return true
			}
		}
		return false
	},
	Shapes: shapesOfTimm, Convert: convertTimm, Pooled: pooledNorm,
	Sources: backbone.Sources{
		Blocks: backbone.FromGuess, Heads: backbone.FromGuess, Image: backbone.FromFile, Eps: backbone.FromGuess,
		Mean: backbone.FromGuess, Std: backbone.FromGuess, Pool: backbone.FromGuess,
	},
}

func shapesOfTimm(f *weight.File) (backbone.Architecture, error) {
	var a Architecture
	kernel, err := f.Get("patch_embed.proj.weight")
	if err != nil {
		return nil, err
	}
	position, err := f.Get("pos_embed")
	if err != nil {
		return nil, err
	}
	fc1, err := f.Get("blocks.0.mlp.fc1.weight")
	if err != nil {
		return nil, err
	}
	if len(kernel.Shape) != 4 || len(position.Shape) != 3 || len(fc1.Shape) != 2 {
		return nil, fmt.Errorf("%s: patch_embed.proj.weight %v, pos_embed %v, blocks.0.mlp.fc1.weight %v: these are not a timm ViT's shapes",
			f.Path, kernel.Shape, position.Shape, fc1.Shape)
	}
	a.Width, a.Patch, a.MLP = kernel.Shape[0], kernel.Shape[2], fc1.Shape[0]
	a.readHead(f, timmHead, "pre_logits.fc.weight", 0)
	err = a.count(f, "blocks.%d.", "pos_embed", position.Shape[1])
	return a, err
}

// pooledNorm tells whether the only final norm is timm's fc_norm, which comes after the pooling, as in this program.
func pooledNorm(m tensor.Map) bool {
	_, norm := m["norm.weight"]
	_, pooled := m["fc_norm.weight"]
	return pooled && !norm
}

func convertTimm(f *weight.File, arch backbone.Architecture) (tensor.Map, error) {
	a := arch.(Architecture)
	c := backbone.NewConverter(f)
	d, m := a.Width, a.MLP
	c.PatchKernel("patch_embed.proj.weight", patchKernel, a.Patch, d)
	c.Copy("patch_embed.proj.bias", patchBias, d)
	c.Copy("cls_token", classToken, 1, 1, d)
	c.Copy("pos_embed", positions, 1, a.Tokens(), d)
	for i := range a.Depth {
		from := fmt.Sprintf("blocks.%d.", i)
		c.Norm(from+"norm1", inBlock(i, "LayerNorm_0"), d)
		c.Norm(from+"norm2", inBlock(i, "LayerNorm_2"), d)
		attention, h := inBlock(i, "MultiHeadDotProductAttention_1/"), a.Heads
		c.Linear(from+"attn.proj", attention+"out", d, []int{h, d / h, d}, []int{d})
		c.QKV(from+"attn.qkv", [3]string{attention + "query", attention + "key", attention + "value"}, []int{d, h, d / h}, []int{h, d / h})
		c.Linear(from+"mlp.fc1", inBlock(i, "MlpBlock_3/Dense_0"), d, []int{d, m}, []int{m})
		c.Linear(from+"mlp.fc2", inBlock(i, "MlpBlock_3/Dense_1"), m, []int{m, d}, []int{d})
	}
	norm := "norm"
	if pooledNorm(f.Tensors) {
		norm = "fc_norm"
	}
	c.Copy(norm+".weight", finalScale, d)
	c.Copy(norm+".bias", finalBias, d)
	in := d
	if a.Hidden > 0 {
		c.Linear("pre_logits.fc", "pre_logits", d, []int{d, a.Hidden}, []int{a.Hidden})
		in = a.Hidden
	}
	if a.Labels > 0 {
		c.Linear("head", "head", in, []int{in, a.Labels}, []int{a.Labels})
	}
	return c.Done(a)
}
