package dtl

import (
	"fmt"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
)

// factorTuning is Factor-Tuning, FacT (Jie and Deng, "FacT: Factor-Tuning for Lightweight Adaptation on Vision
// Transformer", AAAI 2023, arXiv 2212.03145). All weights of the blocks are one tensor of d x d matrices, four of attention and
// mlp/d each of fc1 and fc2 a block: 12 L of them in a ViT-B. What is added to that tensor is decomposed, with U and V
// shared by the whole network:
//
//	y_j += s x U^T core_j V^T        U [r, d], V [d, r], core_j [r, r] of the matrix j
//
// fc1's matrices give parts of its output, fc2's take parts of its input and add up. The two forms of FacT differ in where
// the cores come from. U and the cores start as PyTorch's nn.Linear does, V at zero, so training starts at the backbone's
// own function.
//
// As in the official code (JieShibo/PETL-ViT) query, key, value, the projection and both MLP layers have cores, and s is a
// number to be set by the task (0.01 to 100 there, 1 by default). Deviations: no dropout on x U^T core (0.1 there); x U^T is
// made once for query, key and value, and s acts before V instead of behind it, which is the same.
type factorTuning struct {
	name  string
	rank  int
	scale float64
	cores func(p *Params, a backbone.Architecture, rank int) func() core
}

// core maps x U^T [..., r] of a layer to what V takes: [..., r], of fc1 [n, m r], of fc2 from [n, m r], where m = mlp / d.
type core func(b *graph.Builder, at backbone.Tap, u graph.Value) graph.Value

// factOptions are the settings of both forms.
func factOptions(rank string) []Option {
	return []Option{
		{"rank", "rank of the low-rank maps", rank},
		{"scale", "factor of what the method adds", "1"},
	}
}

func newFactorTuning(name string, rank int, o *Reader, a backbone.Architecture) *factorTuning {
	width := narrowest(a)
	return &factorTuning{
		name:  name,
		rank:  o.Whole("rank", min(rank, width), 1, width, "the width of the backbone"),
		scale: o.Positive("scale", 1),
	}
}

func (f *factorTuning) Name() string              { return f.name }
func (f *factorTuning) Pool() backbone.Pool       { return backbone.PoolClass }
func (f *factorTuning) Trains(backbone.Spec) bool { return false }

func (f *factorTuning) Attach(p *Params, a backbone.Architecture) func() backbone.Hook {
	d := a.Blocks()[0].Width
	u := p.Declare("FacTu.weight", KaimingUniform, f.rank, d)
	v := p.Declare("FacTv.weight", Zeros, d, f.rank)
	newCore := f.cores(p, a, f.rank)
	return func() backbone.Hook {
		core := newCore()
		var low graph.Value
		return func(b *graph.Builder, at backbone.Tap, in, out graph.Value) graph.Value {
			switch at.Point {
			case backbone.Query, backbone.Projection, backbone.FC1:
				low = b.In("u").LinearT(in, u)
			case backbone.Key, backbone.Value: // their input is the query's
			case backbone.FC2:
				parts := b.In("u").LinearT(f.parts(b, in, d), u)
				low = b.Reshape(parts, in.Shape[0], in.Width()/d*f.rank)
			default:
				return out
			}
			mixed := core(b.In("core"), at, low)
			if f.scale != 1 {
				mixed = b.Scale(mixed, f.scale)
			}
			if at.Point == backbone.FC1 {
				mixed = f.parts(b, mixed, f.rank)
			}
			return b.Add(out, b.Reshape(b.In("v").LinearT(mixed, v), out.Shape...))
		}
	}
}

// factSupports wants one stack of d x d matrices.
func factSupports(a backbone.Architecture) error {
	if err := oneStage(a); err != nil {
		return err
	}
	if block := a.Blocks()[0]; block.MLP%block.Width != 0 {
		return fmt.Errorf("the backbone's MLP has %d units, no multiple of its width %d", block.MLP, block.Width)
	}
	return nil
}

// parts cuts rows [n, m width] into [n m, width].
func (f *factorTuning) parts(b *graph.Builder, x graph.Value, width int) graph.Value {
	rows := x.Shape[0]
	if rows != graph.Unknown {
		rows *= x.Width() / width
	}
	return b.Reshape(x, rows, width)
}

// factLayers are the layers that have cores, in the order of the matrices, with the names of these in the official code.
var factLayers = []struct {
	point backbone.Point
	name  string
}{
	{backbone.Query, "blocks.%d.attn.q_FacTs.weight"}, {backbone.Key, "blocks.%d.attn.k_FacTs.weight"},
	{backbone.Value, "blocks.%d.attn.v_FacTs.weight"}, {backbone.Projection, "blocks.%d.attn.proj_FacTs.weight"},
	{backbone.FC1, "blocks.%d.mlp.fc1_FacTs.weight"}, {backbone.FC2, "blocks.%d.mlp.fc2_FacTs.weight"},
}

// matrices is how many d x d matrices a layer has.
func matrices(p backbone.Point, block backbone.Block) int {
	if p == backbone.FC1 || p == backbone.FC2 {
		return block.MLP / block.Width
	}
	return 1
}
