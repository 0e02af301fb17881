package vit

import (
	"fmt"

	"dtl-tf/graph/tensor"
)

// block converts the weights of block i.
func (c timmConverter) block(i int) {
	a, d, m := c.arch, c.arch.Width, c.arch.MLP
	from := fmt.Sprintf("blocks.%d.", i)
	c.Norm(from+"norm1", inBlock(i, "LayerNorm_0"), d)
	c.Norm(from+"norm2", inBlock(i, "LayerNorm_2"), d)
	h := a.Heads
	c.Linear(from+"attn.proj", inBlock(i, attention+"out"), d, []int{h, d / h, d}, []int{d})
	c.attention(from+"attn.", inBlock(i, attention))
	if a.LayerScale {
		names := [2]string{"ls1.gamma", "ls2.gamma"}
		if _, eva := c.file["blocks.0.gamma_1"]; eva {
			names = [2]string{"gamma_1", "gamma_2"}
		}
		c.Copy(from+names[0], inBlock(i, scaleAttention), d)
		c.Copy(from+names[1], inBlock(i, scaleMLP), d)
	}
	switch _, split := c.file[splitGate]; {
	case split:
		c.Linear(from+"mlp.fc1_g", inBlock(i, denseGate), d, []int{d, m}, []int{m})
		c.Linear(from+"mlp.fc1_x", inBlock(i, denseIn), d, []int{d, m}, []int{m})
	case a.Gated: // the first half of the rows is the gate (timm, layers/mlp.py, GluMlp with gate_last=False)
		c.packed(from+"mlp.fc1", inBlock(i, denseGate), inBlock(i, denseIn), d, m)
	default:
		c.Linear(from+"mlp.fc1", inBlock(i, denseIn), d, []int{d, m}, []int{m})
	}
	if a.InnerNorm {
		c.Norm(from+"mlp.norm", inBlock(i, innerNorm), m)
	}
	c.Linear(from+"mlp.fc2", inBlock(i, denseOut), m, []int{m, d}, []int{d})
}

// attention converts query, key and value, which are one matrix or three, with biases of all, of query and value, or none.
func (c timmConverter) attention(from, to string) {
	a, d, h := c.arch, c.arch.Width, c.arch.Heads
	var rows, bias [3]tensor.Tensor
	_, apart := c.file[from+"q_proj.weight"]
	if apart {
		for i, which := range []string{"q", "k", "v"} {
			rows[i] = c.Get(from+which+"_proj.weight", d, d)
			if a.QKVBias == "" || which != "k" {
				bias[i] = c.Get(from+which+"_proj.bias", d)
			}
		}
	} else {
		rows = thirds(c.Get(from+"qkv.weight", 3*d, d), d, d)
		switch a.QKVBias {
		case "":
			bias = thirds(c.Get(from+"qkv.bias", 3*d), d)
		case QueryValueBias:
			bias[0], bias[2] = c.Get(from+"q_bias", d), c.Get(from+"v_bias", d)
		}
	}
	for i, name := range []string{"query", "key", "value"} {
		if i < 2 && a.Rotary == RotaryDINOv3 && rows[i].Data != nil && d%h == 0 {
			order := turnedPairs(h, d/h)
			rows[i] = reordered(rows[i], order)
			if bias[i].Data != nil {
				bias[i] = reordered(bias[i], order)
			}
		}
		if rows[i].Data != nil {
			c.Put(to+name+"/kernel", tensor.Reshape(tensor.Transpose(rows[i], d, d), d, h, d/h))
		}
		if bias[i].Data != nil {
			c.Put(to+name+"/bias", tensor.Reshape(bias[i].Clone(), h, d/h))
		}
	}
}

// thirds splits a tensor [3n, ...] into three parts of the given shape. The zero Tensor has zero parts.
func thirds(t tensor.Tensor, shape ...int) (parts [3]tensor.Tensor) {
	if t.Data == nil {
		return parts
	}
	n := tensor.Size(shape)
	for i := range parts {
		parts[i] = tensor.Span(t, i*n, shape...)
	}
	return parts
}

// reordered is t [n, ...] with the rows in another order: row i of the result is row order[i] of t.
func reordered(t tensor.Tensor, order []int) tensor.Tensor {
	return tensor.Compute(func(in ...tensor.Tensor) tensor.Tensor {
		out := tensor.Zeros(t.Shape...)
		width := tensor.Size(t.Shape) / len(order)
		for i, from := range order {
			copy(out.Float32()[i*width:][:width], in[0].Float32()[from*width:])
		}
		return out
	}, t.Shape, t)
}

// packed splits weight [2m, d] and bias [2m] into those of two layers.
func (c timmConverter) packed(from, first, second string, d, m int) {
	rows, bias := c.Get(from+".weight", 2*m, d), c.Get(from+".bias", 2*m)
	if rows.Data == nil || bias.Data == nil {
		return
	}
	for i, to := range []string{first, second} {
		c.Put(to+"/kernel", tensor.Transpose(tensor.Span(rows, i*m*d, m, d), m, d))
		c.Put(to+"/bias", tensor.Span(bias, i*m, m).Clone())
	}
}

// mapPool converts the attention pooling.
func (c timmConverter) mapPool() {
	const from = "attn_pool."
	d, h, m := c.arch.Width, c.arch.Heads, c.arch.MLP
	c.Copy(from+"latent", mapQuery, 1, 1, d)
	c.Linear(from+"q", mapAttention+"query", d, []int{d, h, d / h}, []int{h, d / h})
	rows, bias := c.Get(from+"kv.weight", 2*d, d), c.Get(from+"kv.bias", 2*d)
	if rows.Data != nil && bias.Data != nil {
		for i, name := range []string{"key", "value"} {
			c.Put(mapAttention+name+"/kernel", tensor.Reshape(tensor.Transpose(tensor.Span(rows, i*d*d, d, d), d, d), d, h, d/h))
			c.Put(mapAttention+name+"/bias", tensor.Span(bias, i*d, h, d/h).Clone())
		}
	}
	c.Linear(from+"proj", mapAttention+"out", d, []int{h, d / h, d}, []int{d})
	c.Norm(from+"norm", mapNorm, d)
	c.Linear(from+"mlp.fc1", mapIn, d, []int{d, m}, []int{m})
	c.Linear(from+"mlp.fc2", mapOut, m, []int{m, d}, []int{d})
}

// ownHead converts the own head. The two heads of a distilled DeiT, whose logits are averaged, become one that reads both tokens.
func (c timmConverter) ownHead() {
	a := c.arch
	in := a.headWidth()
	if a.Hidden > 0 {
		c.Linear("pre_logits.fc", "pre_logits", in, []int{in, a.Hidden}, []int{a.Hidden})
		in = a.Hidden
	}
	switch {
	case a.Labels == 0:
	case a.Distilled && a.WideHead:
		c.distilledHeads()
	case a.NoHeadBias:
		c.Kernel(timmHead, headKernel, a.Labels, in, []int{in, a.Labels})
	default:
		c.Linear("head", "head", in, []int{in, a.Labels}, []int{a.Labels})
	}
}

func (c timmConverter) distilledHeads() {
	d, n := c.arch.Width, c.arch.Labels
	var rows, biases []tensor.Tensor
	for _, name := range []string{"head", "head_dist"} {
		matrix, bias := c.Get(name+".weight", n, d), c.Get(name+".bias", n)
		if matrix.Data == nil || bias.Data == nil {
			return
		}
		rows, biases = append(rows, matrix), append(biases, bias)
	}
	c.Put(headKernel, tensor.Compute(func(in ...tensor.Tensor) tensor.Tensor {
		kernel := tensor.Zeros(2*d, n)
		for i, matrix := range in {
			for j, v := range tensor.Transpose(matrix, n, d).Float32() {
				kernel.Float32()[i*d*n+j] = v / 2
			}
		}
		return kernel
	}, []int{2 * d, n}, rows...))
	c.Put(headBias, tensor.Compute(func(in ...tensor.Tensor) tensor.Tensor {
		bias := tensor.Zeros(n)
		for _, one := range in {
			for j, v := range one.Float32() {
				bias.Float32()[j] += v / 2
			}
		}
		return bias
	}, []int{n}, biases...))
}
