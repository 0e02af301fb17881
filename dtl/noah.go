package dtl

import (
	"fmt"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
)

// noah is NOAH (Zhang, Zhou and Liu, "Neural Prompt Search", TPAMI 2024, arXiv 2206.04673): adapters, LoRA and prompts
// together, with separate sizes in each block. The original finds the sizes for each task by evolutionary search in a
// supernet; here they are options and nothing is searched. A size of 0 leaves a part out.
//
//	prompts  p_i fresh tokens at the input of block i; the output tokens of the previous block's prompts are dropped
//	LoRA     q, k, v += x A^T B_q^T, x A^T B_k^T, x A^T B_v^T       A [r_i, d] for all three, B [3 d, r_i]
//	adapter  y + W_2 g(W_1 y + b_1) + b_2 on the output y of the MLP, W_1 [a_i, d], g(u) = u sigmoid(1.702 u)
//
// As in the official code (ZhangYuanhan-AI/NOAH, supernet_vision_transformer_timm.py), LoRA has no scale and the prompts
// have no position embeddings; prompts start Xavier-uniform as if part of a supernet's 100. LoRA starts with A Kaiming-uniform
// and B at zero, the adapters as those of the method adapter. Without prompts, training therefore starts at the backbone's
// function.
//
// Deviations. The code starts all maps of adapters and LoRA from the values the search left in the supernet (before the
// search: truncated normal, standard deviation 0.02). It puts prompts after the patches, here they follow the class token;
// attention cannot tell the difference. It adds prompts before block 0 and replaces them in that block, which has no effect;
// they are left out here. A block with 0 prompts sees none, where the code would keep those of the block before. Stochastic
// depth acts after the adapter, in the code before it.
//
// Parameters per block of ViT-B/16: 768 p + 3,072 r + (1,537 a + 768 if a > 0). The code's 19 subnets for VTAB-1k average
// p = 5.7, r = 5.4 and a = 5.3, each chosen from {1, 5, 10}, and 0.36 M parameters, the figure that later papers print. NOAH
// prints 0.43 M because it also counts the position table of the supernet's 100 prompts, 76,800. The default is these
// averages rounded up, 6 of each in every block: 396,360 parameters, 8 % below 0.43 M, for any depth.
type noah struct {
	base
	adapters, loras, prompts []int
}

// supernetPrompts is the number of prompts per block in the supernet, [1, 100, d]. A block uses only the first few.
const supernetPrompts = 100

// noahSize is the default of all three sizes.
const noahSize = 6

func init() {
	byDefault := fmt.Sprint(noahSize)
	options := []Option{
		{"adapter-sizes", Sizes, "width of NOAH's adapters, one for all blocks or a list (8,8,4,...)", byDefault},
		{"lora-sizes", Sizes, "rank of NOAH's LoRA maps, one for all blocks or a list", byDefault},
		{"prompt-sizes", Sizes, "number of prompt tokens, one for all blocks or a list", byDefault},
	}
	Register(Definition{Name: "noah", Place: 120, Options: options, Supports: oneStage("NOAH's supernet has blocks of one size"), New: func(o *Reader, a backbone.Architecture) Method {
		width, depth := narrowest(a), len(a.Blocks())
		size := min(noahSize, width)
		return &noah{
			base:     base{"noah"},
			adapters: o.Sizes("adapter-sizes", size, depth, 0, width),
			loras:    o.Sizes("lora-sizes", size, depth, 0, width),
			prompts:  o.Sizes("prompt-sizes", noahSize, depth, 0, maxPrompts),
		}
	}})
}

// noahBlock holds what NOAH adds to one block. Parts of size 0 are undefined values.
type noahBlock struct {
	prompt, loraA, loraB graph.Value
	adapter              bottleneckMaps
}

func (*noah) actsByToken() {}

func (n *noah) Attach(p *Params, a backbone.Architecture) func() backbone.Hook {
	var blocks []noahBlock
	for i, block := range a.Blocks() {
		var parts noahBlock
		name, d := fmt.Sprintf("blocks.%d.", i), block.Width
		if tokens := n.prompts[i]; tokens > 0 {
			parts.prompt = p.Declare(name+"visual_prompt_token", xavier((1+supernetPrompts)*d), 1, tokens, d)
		}
		if rank := n.loras[i]; rank > 0 {
			parts.loraA = p.Declare(name+"attn.LoRA_a.weight", KaimingUniform, rank, d)
			parts.loraB = p.Declare(name+"attn.LoRA_b.weight", Zeros, 3*d, rank)
		}
		if width := n.adapters[i]; width > 0 {
			parts.adapter = declareBottleneck(p, name+"adapter.", "ln1", "ln2", d, width)
		}
		blocks = append(blocks, parts)
	}
	return func() backbone.Hook {
		var low graph.Value // x A^T of the current block, [B, T, r]
		return func(b *graph.Builder, at backbone.Tap, in, out graph.Value) graph.Value {
			if at.Block.Index == backbone.Outside {
				return out
			}
			parts := blocks[at.Block.Index]
			switch at.Point {
			case backbone.BlockInput:
				return withPrompts(b, at.Block, out, parts.prompt)
			case backbone.Query, backbone.Key, backbone.Value:
				if !parts.loraA.Defined() {
					return out
				}
				if at.Point == backbone.Query {
					low = b.In("down").LinearT(in, parts.loraA)
				}
				return b.Add(out, b.In("up").LinearT(low, third(b, parts.loraB, int(at.Point-backbone.Query))))
			case backbone.MLPBranch:
				if w := parts.adapter; w.down.Defined() {
					return b.Add(out, w.expand(b, b.Swish(w.reduce(b, out), 1.702)))
				}
			}
			return out
		}
	}
}

// third returns part 0, 1 or 2 of w [3 d, r]: [d, r].
func third(b *graph.Builder, w graph.Value, which int) graph.Value {
	d, r := w.Shape[0]/3, w.Shape[1]
	return b.Reshape(b.SliceTokens(b.Reshape(w, 1, 3*d, r), which*d, (which+1)*d), d, r)
}
