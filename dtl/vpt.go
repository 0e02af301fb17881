package dtl

import (
	"fmt"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
)

// promptTuning is visual prompt tuning (Jia et al., "Visual Prompt Tuning", ECCV 2022, arXiv 2203.12119): p trainable
// tokens between the class token and the patches.
//
//	VPT-Shallow (equations 4 and 5)  [x, P_0, E_0] enters block 0; from there on the prompts are ordinary tokens
//	VPT-Deep (equation 7)            block i-1's outputs for the prompts are dropped, and block i gets fresh prompts P_i
//
// The prompts have no position embeddings. They start uniform within +-sqrt(6 / (3 patch^2 + d)), as in the official code
// (KMnP/vpt), where 3 patch^2 is the fan-in of the patch embedding and d the width of block 0.
//
// In a Swin (vit_prompt/swin_transformer.py there) the prompts precede the patches. Every window has them, with a position bias of
// zero; after the attention they are averaged over the windows. Patch merging puts four copies of a prompt side by side, and the
// final mean includes the prompts.
//
// Deviations: no dropout on the prompts (an option of the code, off by default), no projection of prompts, and one tensor per
// block, where the code has one for blocks 1 and up, in a Swin one per stage besides that of block 0. In a Swin each sample
// keeps its own prompts. The code orders windows and samples differently for prompts and for patches, so a sample's prompts
// attend to patches of others in the batch.
type promptTuning struct {
	base
	prompts int // p
	deep    bool
}

// maxPrompts is far above any useful number of prompts.
const maxPrompts = 4096

// defaultPrompts is from the middle of the paper's grid of 1, 5, 10, 50, 100, 200, and the number its figures assume.
const defaultPrompts = 50

func init() {
	options := []Option{{"prompts", Whole, "number of prompt tokens", fmt.Sprint(defaultPrompts)}}
	for place, name := range map[int]string{40: "vpt-shallow", 50: "vpt-deep"} {
		Register(Definition{Name: name, Place: place, Options: options, New: func(o *Reader, _ backbone.Architecture) Method {
			return &promptTuning{base{name}, o.Whole("prompts", defaultPrompts, 1, maxPrompts, ""), name == "vpt-deep"}
		}})
	}
}

func (v *promptTuning) Attach(p *Params, a backbone.Architecture) func() backbone.Hook {
	blocks := a.Blocks()
	if !v.deep {
		blocks = blocks[:1]
	}
	var prompts []graph.Value
	for _, block := range blocks {
		prompts = append(prompts, p.Declare(fmt.Sprintf("prompt_embeddings.%d", block.Index), xavier(3*a.PatchSize()*a.PatchSize()+blocks[0].Width), 1, v.prompts, block.Width))
	}
	return func() backbone.Hook {
		return func(b *graph.Builder, at backbone.Tap, _, out graph.Value) graph.Value {
			if at.Point != backbone.BlockInput || at.Block.Index >= len(prompts) {
				return out
			}
			return withPrompts(b, at.Block, out, prompts[at.Block.Index])
		}
	}
}

// withPrompts puts prompts [1, p, d] between the prefix tokens (such as the class token) and the patches of x [B, T, d],
// replacing any tokens there. Undefined prompts remove them.
func withPrompts(b *graph.Builder, block backbone.Block, x, prompts graph.Value) graph.Value {
	tokens := x.Shape[1]
	if !prompts.Defined() && tokens == block.Tokens() {
		return x
	}
	var parts []graph.Value
	if block.Prefix > 0 {
		parts = append(parts, b.SliceTokens(x, 0, block.Prefix))
	}
	if prompts.Defined() {
		parts = append(parts, b.Repeat(prompts, x))
	}
	return b.ConcatTokens(append(parts, b.SliceTokens(x, tokens-block.Patches(), tokens))...)
}
