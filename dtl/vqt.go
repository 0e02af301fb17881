package dtl

import (
	"errors"
	"fmt"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
)

// queryTuning is visual query tuning, VQT (Tu, Mai and Chao, "Visual Query Tuning: Towards Effective Usage of Intermediate
// Representations for Parameter and Memory Efficient Transfer Learning", CVPR 2023, arXiv 2212.03220, section 4): k trainable tokens P_i
// in each block that query its tokens and are not seen by them.
//
//	q_i    = block_i(P_i), with the keys and values of the block's input x_i-1 [B, T, d]; P_i [1, k, d], q_i [B, k, d]
//	logits = head([u(f), u(q_1), ..., u(q_N)])     u(v) = v / |v|, q_i flattened, f the pooled and normalised output of the last block
//
// The tokens x_i are those of the plain backbone, so no gradient enters it except along the queries, and a step on stored values
// computes of each block's tokens only the keys and values. P_i starts as the prompts of VPT, uniform within
// +-sqrt(6 / (3 patch^2 + d)).
//
// As in the official code (andytu28/VQT, src/models/vit_backbones/h2t_vit.py), f comes after the final norm and the q_i do not. Deviations:
// one tensor per block where the code has one for all; f is whatever the pool gives, in the code the class token; no drop-out of
// queries; the feature selection after training is left out. Rotary positions turn the keys and not the queries, which have no place.
// Stochastic depth does not drop the queries' branches.
//
// Parameters on ViT-B/16: 12 * 768 k and a classifier of 13 * 768 features at k = 1.
type queryTuning struct {
	base
	queries int // k
}

func init() {
	options := []Option{{"queries", Whole, "number of query tokens in each block", "1"}}
	Register(Definition{Name: "vqt", Place: 55, Options: options, Supports: vqtSupports, New: func(o *Reader, a backbone.Architecture) Method {
		return queryTuning{base{"vqt"}, o.Whole("queries", 1, 1, a.Blocks()[0].Tokens()-1, "one below the tokens of the backbone")}
	}})
}

func vqtSupports(a backbone.Architecture) error {
	const why = "VQT's queries read all tokens of a block, not windows of them"
	if err := oneStage(why)(a); err != nil {
		return err
	}
	if _, windows := a.(backbone.Windowed); windows {
		return errors.New(why + ", and this backbone has windows")
	}
	return nil
}

func (v queryTuning) Attach(p *Params, a backbone.Architecture) func() backbone.Hook {
	blocks := a.Blocks()
	d := blocks[0].Width
	var queries []graph.Value
	for i := range blocks {
		queries = append(queries, p.Declare(fmt.Sprintf("query_prompt_embeddings.%d", i), xavier(3*a.PatchSize()*a.PatchSize()+d), 1, v.queries, d))
	}
	p.Read(len(blocks) * v.queries * d)
	return func() backbone.Hook {
		var answers []graph.Value // q_i
		return func(b *graph.Builder, at backbone.Tap, in, out graph.Value) graph.Value {
			switch at.Point {
			case backbone.BlockOutput:
				answers = append(answers, v.ask(p, b, at.Block, queries[at.Block.Index], in))
			case backbone.Features:
				features := []graph.Value{b.Unit(out)}
				for _, q := range answers {
					features = append(features, b.Unit(b.Reshape(q, q.Shape[0], v.queries*d)))
				}
				return b.ConcatLast(features...)
			}
			return out
		}
	}
}

// ask is a block's output for queries [1, k, d], given its input x [B, T, d]: [B, k, d]. The block is built twice, for its keys and values
// and for the queries; what nothing reads of the former does not run.
func (v queryTuning) ask(p *Params, b *graph.Builder, block backbone.Block, queries, x graph.Value) graph.Value {
	whole := func(branch graph.Value, _ int) graph.Value { return branch }
	return b.Region([]graph.Value{b.Repeat(queries, x), x}, 0, func(b *graph.Builder, inputs []graph.Value) graph.Value {
		tokens := map[backbone.Point]graph.Value{}
		plain := p.Forward(func(_ *graph.Builder, at backbone.Tap, _, out graph.Value) graph.Value {
			if at.Point == backbone.Key || at.Point == backbone.Value {
				tokens[at.Point] = out
			}
			return out
		})
		plain.Arch.Block(plain, b.In("tokens"), block, inputs[1], whole)
		asking := p.Forward(func(_ *graph.Builder, at backbone.Tap, _, out graph.Value) graph.Value {
			if of, ok := tokens[at.Point]; ok {
				return of
			}
			return out
		})
		return asking.Arch.Block(asking, b.In("queries"), block, inputs[0], whole)
	})
}
