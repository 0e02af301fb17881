package vit

import (
	"fmt"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
	"dtl-tf/graph/weight"
)

// timmHead is the kernel of the own head in timm's names.
const timmHead = "head.weight"

// timm is the layout of timm's vision_transformer.py, deit.py and eva.py (PyTorch): linear weights [out, in], convolutions [d, 3, p, p],
// and query, key and value in one matrix of rows [q | k | v], each head-major. The shapes leave the number of heads open.
var timm = backbone.Layout{
	Naming: "timm",
	Owns:   ownsTimm,
	Shapes: shapesOfTimm, Convert: convertTimm, Pooled: pooledNorm, Defaults: defaultsOfTimm,
	Sources: backbone.Sources{
		Blocks: backbone.FromGuess, Heads: backbone.FromGuess, Image: backbone.FromFile, Eps: backbone.FromGuess,
		Mean: backbone.FromGuess, Std: backbone.FromGuess, Pool: backbone.FromGuess,
	},
}

func ownsTimm(m tensor.Map) bool {
	for _, name := range []string{"pos_embed", "patch_embed.proj.weight"} {
		if _, ok := m[name]; ok {
			return true
		}
	}
	return false
}

func shapesOfTimm(f *weight.File) (backbone.Architecture, error) {
	var a Architecture
	kernel, err := f.Get("patch_embed.proj.weight")
	if err != nil {
		return nil, err
	}
	a.Form = formOfTimm(f.Tensors)
	if what := a.Form.doubtful(f.Tensors); what != "" {
		return nil, fmt.Errorf("%s: %s, which this version does not compute", f.Path, what)
	}
	rows := "blocks.0.mlp.fc1.weight"
	if _, split := f.Tensors[splitGate]; split {
		rows = splitGate
	}
	fc1, err := f.Get(rows)
	if err != nil {
		return nil, err
	}
	position := tensor.Tensor{Shape: []int{1, 0, 0}}
	if a.Rotary != RotaryDINOv3 {
		if position, err = f.Get("pos_embed"); err != nil {
			return nil, err
		}
	}
	if len(kernel.Shape) != 4 || len(position.Shape) != 3 || len(fc1.Shape) != 2 {
		return nil, fmt.Errorf("%s: %s %v, %s %v, %s %v: these are not a timm ViT's shapes",
			f.Path, f.Name("patch_embed.proj.weight"), kernel.Shape, f.Name("pos_embed"), position.Shape, f.Name(rows), fc1.Shape)
	}
	a.Width, a.Patch, a.MLP = kernel.Shape[0], kernel.Shape[2], fc1.Shape[0]
	if a.Gated && rows != splitGate {
		a.MLP /= 2
	}
	a.readHead(f, timmHead, "pre_logits.fc.weight", 0)
	a.readWideHead(f)
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
	c := timmConverter{backbone.NewConverter(f), a, f.Tensors}
	d := a.Width
	c.PatchKernel("patch_embed.proj.weight", patchKernel, a.Patch, d)
	if !a.NoPatchBias {
		c.Copy("patch_embed.proj.bias", patchBias, d)
	}
	for _, token := range a.prefixTokens() {
		c.Copy(map[string]string{classToken: "cls_token", distillToken: "dist_token", registers: "reg_token"}[token.name], token.name, 1, token.count, d)
	}
	if n := a.positions(); n > 0 {
		c.Copy("pos_embed", positions, 1, n, d)
	}
	if a.PreNorm {
		c.Copy("norm_pre.weight", preScale, d)
		c.Copy("norm_pre.bias", preBias, d)
	}
	for i := range a.Depth {
		c.block(i)
	}
	norm := "norm"
	if pooledNorm(f.Tensors) {
		norm = "fc_norm"
	}
	c.Copy(norm+".weight", finalScale, d)
	c.Copy(norm+".bias", finalBias, d)
	if a.MapPool {
		c.mapPool()
	}
	c.ownHead()
	return c.Done(a)
}
