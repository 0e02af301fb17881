package dtl

import (
	"fmt"
	"math"
	"math/rand/v2"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
)

// promptTuning is visual prompt tuning (Jia et al., "Visual Prompt Tuning", ECCV 2022, arXiv 2203.12119): p trainable
// tokens stand between the class token and the patches.
//
//	VPT-Shallow (equations 4 and 5)  [x, P_0, E_0] enters block 0; afterwards the prompts are tokens like the others
//	VPT-Deep (equation 7)            what the prompts became in block i-1 is dropped, and block i sees fresh ones, P_i
//
// The prompts have no positions. They start uniform in +-sqrt(6 / (3 patch^2 + d)), as in the official code
// (KMnP/vpt), which takes the patch embedding's fan-in for it. Deviations: no dropout on the prompts (an option of
// the code, 0 unless set), no projection of prompts, and each block's prompts are a tensor of their own, where the
// code has one for blocks 1 and up.
type promptTuning struct {
	name    string
	prompts int // p
	deep    bool
}

// defaultPrompts is in the middle of the paper's grid of 1, 5, 10, 50, 100, 200 and what its figures count with.
const defaultPrompts = 50

func init() {
	options := []Option{{"prompts", "prompt tokens", fmt.Sprint(defaultPrompts)}}
	for name, deep := range map[string]bool{"vpt-shallow": false, "vpt-deep": true} {
		register(definition{name, options, func(o *reader, _ backbone.Architecture) Method {
			return &promptTuning{name, o.whole("prompts", defaultPrompts, 1, 4096, ""), deep}
		}})
	}
}

func (v *promptTuning) Name() string        { return v.name }
func (v *promptTuning) Pool() backbone.Pool { return backbone.PoolClass }
func (v *promptTuning) Trains(string) bool  { return false }

func (v *promptTuning) Attach(p *Params, a backbone.Architecture) func() backbone.Hook {
	blocks := 1
	if v.deep {
		blocks = a.Depth
	}
	prompts := make([]graph.Value, blocks)
	for i := range prompts {
		prompts[i] = p.Declare(fmt.Sprintf("prompt_embeddings.%d", i), promptUniform(a), 1, v.prompts, a.Width)
	}
	return func() backbone.Hook {
		return func(b *graph.Builder, at backbone.Tap, _, out graph.Value) graph.Value {
			if at.Point != backbone.BlockInput || at.Block >= blocks {
				return out
			}
			tokens := out.Shape[1]
			class := b.SliceTokens(out, 0, 1)
			patches := b.SliceTokens(out, tokens-a.Grid()*a.Grid(), tokens)
			return b.ConcatTokens(class, b.Repeat(prompts[at.Block], out), patches)
		}
	}
}

// promptUniform is Xavier's uniform distribution for a layer from a patch's pixels to d, as for the patch embedding.
func promptUniform(a backbone.Architecture) Init {
	bound := math.Sqrt(6 / float64(3*a.Patch*a.Patch+a.Width))
	return func(random *rand.Rand, shape []int) tensor.Tensor {
		t := tensor.Zeros(shape...)
		for i := range t.Float32() {
			t.Float32()[i] = float32((2*random.Float64() - 1) * bound)
		}
		return t
	}
}
