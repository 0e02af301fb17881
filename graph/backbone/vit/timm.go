package vit

import (
	"fmt"
	"slices"

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
	c := converter{file: f, out: tensor.Map{}, used: map[string]bool{}}
	d, p, m := a.Width, a.Patch, a.MLP
	if t := c.get("patch_embed.proj.weight", d, 3, p, p); t.Data != nil {
		matrix := tensor.Transpose(tensor.Must(t.Float32(), d*3, p*p), d*3, p*p)   // [p*p, d*3]
		c.out[patchKernel] = tensor.SwapLast(matrix, p*p, d, 3, []int{p, p, 3, d}) // [p*p, 3, d]
	}
	c.copy("patch_embed.proj.bias", patchBias, d)
	c.copy("cls_token", classToken, 1, 1, d)
	c.copy("pos_embed", positions, 1, a.Tokens(), d)
	for i := range a.Depth {
		from := fmt.Sprintf("blocks.%d.", i)
		c.copy(from+"norm1.weight", inBlock(i, "LayerNorm_0/scale"), d)
		c.copy(from+"norm1.bias", inBlock(i, "LayerNorm_0/bias"), d)
		c.copy(from+"norm2.weight", inBlock(i, "LayerNorm_2/scale"), d)
		c.copy(from+"norm2.bias", inBlock(i, "LayerNorm_2/bias"), d)
		c.attention(from+"attn.", inBlock(i, "MultiHeadDotProductAttention_1/"), a)
		c.linear(from+"mlp.fc1", inBlock(i, "MlpBlock_3/Dense_0"), d, []int{d, m}, []int{m})
		c.linear(from+"mlp.fc2", inBlock(i, "MlpBlock_3/Dense_1"), m, []int{m, d}, []int{d})
	}
	norm := "norm"
	if pooledNorm(f.Tensors) {
		norm = "fc_norm"
	}
	c.copy(norm+".weight", finalScale, d)
	c.copy(norm+".bias", finalBias, d)
	in := d
	if a.Hidden > 0 {
		c.linear("pre_logits.fc", "pre_logits", d, []int{d, a.Hidden}, []int{a.Hidden})
		in = a.Hidden
	}
	if a.Labels > 0 {
		c.linear("head", "head", in, []int{in, a.Labels}, []int{a.Labels})
	}
	if err := backbone.CheckPlaces(f, a, func(name string) bool { return c.used[name] }); err != nil {
		return nil, err
	}
	if c.err != nil {
		return nil, c.err
	}
	return backbone.Check(f, c.out, a)
}

// converter converts tensors from timm's names to those of .npz. After an error it goes on, to record all names in use.
type converter struct {
	file *weight.File
	out  tensor.Map
	used map[string]bool // names requested so far
	err  error           // the first
}

func (c *converter) get(name string, shape ...int) tensor.Tensor {
	c.used[name] = true
	if c.err != nil {
		return tensor.Tensor{}
	}
	t, err := c.file.Get(name, shape...)
	if err == nil && t.Float32() == nil {
		err = fmt.Errorf("%s: tensor %s does not hold floats", c.file.Path, name)
	}
	if err != nil {
		c.err = err
		return tensor.Tensor{}
	}
	return t
}

func (c *converter) copy(from, to string, shape ...int) { c.out[to] = c.get(from, shape...) }

// linear converts weight [out, in] and bias [out] to a kernel and bias of the given shapes.
func (c *converter) linear(from, to string, in int, kernel, bias []int) {
	out := tensor.Size(bias)
	if t := c.get(from+".weight", out, in); t.Data != nil {
		c.out[to+"/kernel"] = tensor.Must(tensor.Transpose(t, out, in).Float32(), kernel...)
	}
	if t := c.get(from+".bias", out); t.Data != nil {
		c.out[to+"/bias"] = tensor.Must(t.Float32(), bias...)
	}
}

func (c *converter) attention(from, to string, a Architecture) {
	d, h := a.Width, a.Heads
	c.linear(from+"proj", to+"out", d, []int{h, d / h, d}, []int{d})
	rows, bias := c.get(from+"qkv.weight", 3*d, d), c.get(from+"qkv.bias", 3*d)
	if rows.Data == nil || bias.Data == nil {
		return
	}
	for i, which := range []string{"query", "key", "value"} {
		part := tensor.Must(rows.Float32()[i*d*d:(i+1)*d*d], d, d)
		c.out[to+which+"/kernel"] = tensor.Must(tensor.Transpose(part, d, d).Float32(), d, h, d/h)
		c.out[to+which+"/bias"] = tensor.Must(slices.Clone(bias.Float32()[i*d:(i+1)*d]), h, d/h)
	}
}
