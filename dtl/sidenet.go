package dtl

import (
	"fmt"
	"slices"
	"strings"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
)

// sideNetwork is DTL and DTL+ (paper section 3, equations 2 to 5): a compact side network (CSN) with the state
//
//	h <- h + x_i A_i^T B_i^T       x_i [B, T, d] the input of block i, A_i [r, d], B_i [d, r]
//	x_i+1 = z_i + theta(h)         for i >= M, z_i the output of block i, theta(h) = h sigmoid(beta h)
//
// In DTL+ the patch tokens of theta(h) pass through a depth-wise k x k convolution, shared by all blocks of a stage; the class
// token bypasses it. In a backbone of several stages, h restarts at 0 in each stage. B starts at zero, so training starts at
// the backbone's own function. No gradient enters the blocks 0..M: the step needs only their inputs x_i, for the gradients of
// the A_i.
type sideNetwork struct {
	base
	rank         int
	beta         float64
	feedbackFrom int // M
	kernel       int // k; 0 for DTL
}

// Names of the official implementation (heekhero/DTL v1.1, models/vision_transformer.py).
const (
	mapPrefix  = "lora_dict." // lora_dict.N.lora_A [r, d], lora_dict.N.lora_B [d, r]
	filterName = "lora_fusion.weight"
)

func hasMaps(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, mapPrefix) })
}

func init() {
	options := []Option{
		{"rank", Whole, "rank of the low-rank maps", "2"},
		{"beta", Number, "slope of theta(h) = h sigmoid(beta h)", "100"},
		{"feedback-from", Whole, "first block, counting from 0, whose output receives theta(h)", "half the blocks"},
	}
	kernel := Option{"kernel", Whole, "side of the depth-wise convolution; the paper uses 3, 4 and 5", "3"}
	Register(Definition{Name: "dtl", Place: 1000, Ours: true, Options: options, Owns: func(names []string) bool {
		return hasMaps(names) && !slices.Contains(names, filterName)
	}, New: func(o *Reader, a backbone.Architecture) Method {
		return newSideNetwork("dtl", o, a)
	}})
	Register(Definition{Name: "dtl+", Place: 1010, Ours: true, Options: append(options[:len(options):len(options)], kernel), Owns: func(names []string) bool {
		return slices.Contains(names, filterName)
	}, New: func(o *Reader, a backbone.Architecture) Method {
		s := newSideNetwork("dtl+", o, a)
		// Padding allows any size, but from twice the grid on some weights of the filter never meet a patch.
		blocks := a.Blocks()
		s.kernel = o.Whole("kernel", 3, 1, 2*blocks[len(blocks)-1].Side-1, "twice the side of the patch grid")
		return s
	}})
}

// newSideNetwork uses the paper's settings for ViT-B/16 as defaults. M is half the depth: 6 of 12 blocks.
func newSideNetwork(name string, o *Reader, a backbone.Architecture) *sideNetwork {
	width, depth := narrowest(a), len(a.Blocks())
	return &sideNetwork{
		base:         base{name},
		rank:         o.Whole("rank", 2, 1, width, "the width of the backbone"),
		beta:         o.Positive("beta", 100),
		feedbackFrom: o.Whole("feedback-from", depth/2, 0, depth-1, "the blocks of the backbone"),
	}
}

func (s *sideNetwork) Pool() backbone.Pool { return backbone.PoolMean }

func (s *sideNetwork) Attach(p *Params, a backbone.Architecture) func() backbone.Hook {
	var down, up []graph.Value
	for _, block := range a.Blocks() {
		name := fmt.Sprintf(mapPrefix+"%d.", block.Index)
		down = append(down, p.Declare(name+"lora_A", KaimingUniform, s.rank, block.Width))
		up = append(up, p.Declare(name+"lora_B", Zeros, block.Width, s.rank))
	}
	filters := map[int]graph.Value{} // by stage
	if s.kernel > 0 {
		for _, block := range a.Blocks() {
			if _, ok := filters[block.Stage]; !ok {
				filters[block.Stage] = p.Declare(filterOf(a, block.Stage), KaimingUniform, block.Width, 1, s.kernel, s.kernel)
			}
		}
	}
	return func() backbone.Hook {
		// h is a sum of rank-r products. Saving the factors instead costs r of d values:
		// h_i = [x_0 A_0^T ... x_i A_i^T] [B_0 ... B_i]^T.
		var low []graph.Value // x_j A_j^T [B, T, r] of the stage's blocks up to the current one
		first := 0            // first block of the stage
		return func(b *graph.Builder, at backbone.Tap, in, out graph.Value) graph.Value {
			i := at.Block.Index
			switch {
			case at.Point == backbone.BlockInput:
				if i > 0 && at.Block.Stage != a.Blocks()[i-1].Stage {
					low, first = nil, i // a new stage: the tokens change in number and width
				}
				low = append(low, b.In("down").LinearT(in, down[i]))
			case at.Point == backbone.BlockOutput && i >= s.feedbackFrom:
				b = b.In("feedback").After(out.Op) // nothing needs theta before z_i; computed earlier, it would stay alive for the whole block
				wide := b.ConcatLast(up[first : i+1]...)
				theta := b.Region([]graph.Value{b.ConcatLast(low...)}, 0, func(b *graph.Builder, in []graph.Value) graph.Value {
					return s.feedback(b, b.LinearT(in[0], wide), filters[at.Block.Stage], at.Block)
				})
				return b.Add(out, theta)
			}
			return out
		}
	}
}

// filterOf names the filter of a stage. With a single stage that is the official implementation's filterName.
func filterOf(a backbone.Architecture, stage int) string {
	if oneStage(a) == nil {
		return filterName
	}
	return fmt.Sprintf("lora_fusions.%d.weight", stage)
}

// feedback is theta(h), in DTL+ with convolved patch tokens: [B, T, d] -> [B, T, d].
func (s *sideNetwork) feedback(b *graph.Builder, h, filter graph.Value, block backbone.Block) graph.Value {
	theta := b.Swish(h, s.beta)
	if !filter.Defined() {
		return theta
	}
	batch, d := theta.Shape[0], theta.Width()
	patches := b.SliceTokens(theta, block.Prefix, theta.Shape[1])
	mixed := b.DepthwiseConv(b.Reshape(patches, batch, block.Side, block.Side, d), filter)
	mixed = b.Reshape(mixed, batch, block.Patches(), d)
	if block.Prefix == 0 {
		return mixed
	}
	return b.ConcatTokens(b.SliceTokens(theta, 0, block.Prefix), mixed)
}
