package dtl

import (
	"fmt"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
)

// factorTuning is Factor-Tuning, FacT (Jie and Deng, "FacT: Factor-Tuning for Lightweight Adaptation on Vision
// Transformer", AAAI 2023, arXiv 2212.03145). It views all weights of the blocks as one tensor of d x d matrices: four for
// attention and mlp/d each for fc1 and fc2 per block, 12 L in total in a ViT-B with L blocks. The update of that tensor is
// decomposed, with U and V shared by the whole network:
//
//	y_j += s x U^T core_j V^T        U [r, d], V [d, r], core_j [r, r] of the matrix j
//
// Each matrix of fc1 yields a slice of its output; each matrix of fc2 takes a slice of its input, and their results are
// summed. The two forms of FacT differ in how they build the cores. U starts as PyTorch's nn.Linear does, V at zero, so
// training starts at the backbone's own function.
//
// The gate of a SwiGLU has no core.
//
// As in the official code (JieShibo/PETL-ViT), query, key, value, projection and both MLP layers have cores, and s is set
// per task (0.01 to 100 there, 1 by default). Deviation: no dropout on x U^T core (0.1 there). Two differences do not change
// the result: query, key and value share one x U^T, and s is applied before V instead of after it.
type factorTuning struct {
	base
	rank  int
	scale float64
	cores func(p *Params, a backbone.Architecture, rank int) func() core
}

// core maps x U^T of a layer to the input of V: [..., r] -> [..., r]. With m = mlp / d, fc1 maps [n, r] -> [n, m r] and fc2
// maps [n, m r] -> [n, r].
type core func(b *graph.Builder, at backbone.Tap, u graph.Value) graph.Value

// registerFactorTuning registers one of the forms with its default rank.
func registerFactorTuning(name string, place, rank int, cores func(p *Params, a backbone.Architecture, rank int) func() core) {
	options := []Option{
		{"rank", Whole, "rank of the low-rank maps", fmt.Sprint(rank)},
		{"scale", Number, "scale of what the method adds", "1"},
	}
	Register(Definition{Name: name, Place: place, Options: options, Supports: factSupports, New: func(o *Reader, a backbone.Architecture) Method {
		width := narrowest(a)
		return &factorTuning{base{name}, o.Whole("rank", min(rank, width), 1, width, "the width of the backbone"), o.Positive("scale", 1), cores}
	}})
}

func (*factorTuning) actsByToken() {}

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
			case backbone.Key, backbone.Value: // same input as the query, so low is current
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

// factSupports requires weights that form one stack of d x d matrices.
func factSupports(a backbone.Architecture) error {
	if err := oneStage("FacT shares its factors between all blocks, which must be of one size")(a); err != nil {
		return err
	}
	if block := a.Blocks()[0]; block.MLP%block.Width != 0 {
		return fmt.Errorf("the backbone's MLP has %d units, no multiple of its width %d", block.MLP, block.Width)
	}
	return nil
}

// parts reshapes rows [n, m width] into [n m, width].
func (f *factorTuning) parts(b *graph.Builder, x graph.Value, width int) graph.Value {
	rows := x.Shape[0]
	if rows != graph.Unknown {
		rows *= x.Width() / width
	}
	return b.Reshape(x, rows, width)
}

// factLayers are the layers with cores, in the order of the matrices, and the names of their cores in the official code.
var factLayers = []struct {
	point backbone.Point
	name  string
}{
	{backbone.Query, "blocks.%d.attn.q_FacTs.weight"}, {backbone.Key, "blocks.%d.attn.k_FacTs.weight"},
	{backbone.Value, "blocks.%d.attn.v_FacTs.weight"}, {backbone.Projection, "blocks.%d.attn.proj_FacTs.weight"},
	{backbone.FC1, "blocks.%d.mlp.fc1_FacTs.weight"}, {backbone.FC2, "blocks.%d.mlp.fc2_FacTs.weight"},
}

// matrices counts the d x d matrices of a layer.
func matrices(p backbone.Point, block backbone.Block) int {
	if p == backbone.FC1 || p == backbone.FC2 {
		return block.MLP / block.Width
	}
	return 1
}
