package dtl

import (
	"fmt"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
)

// sideNetwork is DTL and DTL+ (paper section 3, equations 2 to 5): a compact side network (CSN) with the state
//
//	h <- h + x_i A_i^T B_i^T       x_i [B, T, d] the input of block i, A_i [r, d], B_i [d, r]
//	x_i+1 = z_i + theta(h)         for i >= M, theta(h) = h sigmoid(beta h)
//
// In DTL+ the patch tokens of theta(h) pass through one depth-wise k x k convolution that all blocks share; the
// class token goes by. B starts at zero, so training starts at the backbone's own function. No gradient
// enters the blocks 0..M: of them only x_i is needed, for the gradient of A_i.
type sideNetwork struct {
	name    string
	options Options
	kernel  int // 0: DTL
}

func init() {
	register("dtl", func(o Options, a backbone.Architecture) (Method, error) { return newSideNetwork("dtl", o, a) })
	register("dtl+", func(o Options, a backbone.Architecture) (Method, error) { return newSideNetwork("dtl+", o, a) })
}

func newSideNetwork(name string, o Options, a backbone.Architecture) (Method, error) {
	if o.Rank < 1 || o.Rank > a.Width {
		return nil, fmt.Errorf("--rank %d is not possible: choose 1 to %d, the width of the backbone", o.Rank, a.Width)
	}
	if o.Beta <= 0 {
		return nil, fmt.Errorf("--beta %v is not possible: it must be above 0 (the paper's is 100)", o.Beta)
	}
	if o.FeedbackFrom < 0 || o.FeedbackFrom >= a.Depth {
		return nil, fmt.Errorf("--feedback-from %d is not possible: the backbone's blocks are 0 to %d", o.FeedbackFrom, a.Depth-1)
	}
	s := &sideNetwork{name: name, options: o}
	if name == "dtl+" {
		// Padding makes any size possible, but beyond twice the grid a filter has weights that meet no patch.
		if most := 2*a.Grid() - 1; o.Kernel < 1 || o.Kernel > most {
			return nil, fmt.Errorf("--kernel %d is not possible: choose 1 to %d on a grid of %d x %d patches (the paper uses 3, 4, 5)", o.Kernel, most, a.Grid(), a.Grid())
		}
		s.kernel = o.Kernel
	}
	return s, nil
}

func (s *sideNetwork) Name() string        { return s.name }
func (s *sideNetwork) Pool() backbone.Pool { return backbone.PoolMean }
func (s *sideNetwork) Trains(string) bool  { return false }
func (s *sideNetwork) Uses() []Option {
	options := []Option{OptionRank, OptionBeta, OptionFeedbackFrom}
	if s.kernel > 0 {
		options = append(options, OptionKernel)
	}
	return options
}

func (s *sideNetwork) Attach(p *Params, a backbone.Architecture) func() backbone.Hook {
	d, r := a.Width, s.options.Rank
	down, up := make([]graph.Value, a.Depth), make([]graph.Value, a.Depth)
	for i := range a.Depth {
		down[i] = p.Declare(fmt.Sprintf("lora_dict.%d.lora_A", i), kaimingUniform, r, d)
		up[i] = p.Declare(fmt.Sprintf("lora_dict.%d.lora_B", i), zeros, d, r)
	}
	var filter graph.Value
	if s.kernel > 0 {
		filter = p.Declare("lora_fusion.weight", kaimingUniform, d, 1, s.kernel, s.kernel)
	}
	return func() backbone.Hook {
		var h graph.Value
		return func(b *graph.Builder, at backbone.Tap, in, out graph.Value) graph.Value {
			switch {
			case at.Point == backbone.BlockInput:
				delta := b.In("up").LinearT(b.In("down").LinearT(in, down[at.Block]), up[at.Block])
				if !h.Defined() {
					h = delta
				} else {
					h = b.Add(h, delta)
				}
			case at.Point == backbone.BlockOutput && at.Block >= s.options.FeedbackFrom:
				return b.Add(out, s.feedback(b.In("feedback"), h, filter, a.Grid()))
			}
			return out
		}
	}
}

// feedback is theta(h), and in DTL+ the convolution of its patch tokens: [B, T, d] -> [B, T, d].
func (s *sideNetwork) feedback(b *graph.Builder, h, filter graph.Value, grid int) graph.Value {
	theta := b.Swish(h, s.options.Beta)
	if !filter.Defined() {
		return theta
	}
	batch, d := theta.Shape[0], theta.Width()
	class, patches := b.SliceTokens(theta, 0, 1), b.SliceTokens(theta, 1, theta.Shape[1])
	mixed := b.DepthwiseConv(b.Reshape(patches, batch, grid, grid, d), filter)
	return b.ConcatTokens(class, b.Reshape(mixed, batch, grid*grid, d))
}
