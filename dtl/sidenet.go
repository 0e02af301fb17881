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
// the A_i. Blocks before the first low-rank map have no map, and h starts at 0 after them. Maps and filters of a stage without
// feedback are declared, as in the official implementation, but nothing depends on them, so they do not train.
type sideNetwork struct {
	base
	rank         int
	beta         float64
	sideFrom     int // first block with a low-rank map
	feedbackFrom int // M
	kernel       int // k; 0 for DTL
}

// Names of the official implementation (heekhero/DTL v1.1, models/vision_transformer.py and swin_transformer.py).
const (
	mapPrefix    = "lora_dict." // lora_dict.N.lora_A [r, d], lora_dict.N.lora_B [d, r]
	filterName   = "lora_fusion.weight"
	stageFilters = "lora_fusions." // lora_fusions.S.weight in a backbone of several stages
)

func hasFilters(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return name == filterName || strings.HasPrefix(name, stageFilters) })
}

func hasMaps(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, mapPrefix) })
}

func init() {
	options := []Option{
		{"rank", Whole, "rank of the low-rank maps", "2, on a backbone with stages 4"},
		{"beta", Number, "slope of theta(h) = h sigmoid(beta h)", "100"},
		{"side-from", Whole, "first block, counting from 0, with a low-rank map", "0, on a backbone with stages the start of the longest stage"},
		{"feedback-from", Whole, "first block, counting from 0, whose output receives theta(h)", "halfway from side-from to the end"},
	}
	kernel := Option{"kernel", Whole, "side of the depth-wise convolution; the paper uses 3, 4 and 5", "3, on a backbone with stages 5"}
	Register(Definition{Name: "dtl", Place: 1000, Ours: true, Options: options, Owns: func(names []string) bool {
		return hasMaps(names) && !hasFilters(names)
	}, New: func(o *Reader, a backbone.Architecture) Method {
		return newSideNetwork("dtl", o, a)
	}})
	Register(Definition{Name: "dtl+", Place: 1010, Ours: true, Options: append(options[:len(options):len(options)], kernel), Owns: hasFilters, New: func(o *Reader, a backbone.Architecture) Method {
		s := newSideNetwork("dtl+", o, a)
		blocks := a.Blocks()
		side := blocks[len(blocks)-1].Side
		if stageCount(a) == 1 {
			// Padding allows any size, but from twice the grid on some weights of the filter never meet a patch.
			s.kernel = o.Whole("kernel", 3, 1, 2*side-1, "twice the side of the patch grid")
		} else {
			s.kernel = o.Whole("kernel", min(5, side), 1, side, "the side of the last stage's grid")
		}
		return s
	}})
}

// newSideNetwork uses the paper's settings for ViT-B/16 and Swin-B as defaults: rank 2, maps from block 0 and feedback from block 6
// of 12; rank 4, maps from block 4, where the longest stage starts, and feedback from block 14 of 24.
func newSideNetwork(name string, o *Reader, a backbone.Architecture) *sideNetwork {
	width, depth := narrowest(a), len(a.Blocks())
	rank := 2
	if stageCount(a) > 1 {
		rank = min(4, width)
	}
	s := &sideNetwork{base: base{name}, rank: o.Whole("rank", rank, 1, width, "the width of the backbone"), beta: o.Positive("beta", 100)}
	s.sideFrom = o.Whole("side-from", longestStage(a), 0, depth-1, "the blocks of the backbone")
	s.feedbackFrom = o.Whole("feedback-from", (s.sideFrom+depth)/2, 0, depth-1, "the blocks of the backbone")
	if s.sideFrom > s.feedbackFrom {
		o.fail("side-from", "%s %d is not possible: the feedback starts at block %d and needs a map there", s.sideFrom, s.feedbackFrom)
	}
	return s
}

// longestStage is the first block of the stage with the most blocks, of the first such stage.
func longestStage(a backbone.Architecture) int {
	count, first := map[int]int{}, map[int]int{}
	longest := 0
	for _, block := range slices.Backward(a.Blocks()) {
		count[block.Stage]++
		first[block.Stage] = block.Index
	}
	for stage := range len(count) {
		if count[stage] > count[longest] {
			longest = stage
		}
	}
	return first[longest]
}

func (s *sideNetwork) Pool() backbone.Pool { return backbone.PoolMean }

func (s *sideNetwork) Attach(p *Params, a backbone.Architecture) func() backbone.Hook {
	blocks := a.Blocks()
	down, up := make([]graph.Value, len(blocks)), make([]graph.Value, len(blocks))
	for _, block := range blocks[s.sideFrom:] {
		name := fmt.Sprintf(mapPrefix+"%d.", block.Index)
		down[block.Index] = p.Declare(name+"lora_A", KaimingUniform, s.rank, block.Width)
		up[block.Index] = p.Declare(name+"lora_B", Zeros, block.Width, s.rank)
	}
	filters := map[int]graph.Value{} // by stage
	if s.kernel > 0 {
		for _, block := range blocks {
			if _, ok := filters[block.Stage]; !ok {
				filters[block.Stage] = p.Declare(filterOf(a, block.Stage), KaimingUniform, block.Width, 1, s.kernel, s.kernel)
			}
		}
	}
	return func() backbone.Hook {
		// h is a sum of rank-r products. Saving the factors instead costs r of d values:
		// h_i = [x_0 A_0^T ... x_i A_i^T] [B_0 ... B_i]^T.
		var low []graph.Value // x_j A_j^T [B, T, r] of the stage's blocks with a map, up to the current one
		first := 0            // the first of these blocks
		return func(b *graph.Builder, at backbone.Tap, in, out graph.Value) graph.Value {
			i := at.Block.Index
			switch {
			case i < s.sideFrom || at.Block.Stage < blocks[s.feedbackFrom].Stage: // no feedback would read h, or outside of the blocks
			case at.Point == backbone.BlockInput:
				if i == s.sideFrom || at.Block.Stage != blocks[i-1].Stage {
					low, first = nil, i // in a new stage the tokens change in number and width
				}
				low = append(low, b.In("down").LinearT(in, down[i]))
			case at.Point == backbone.BlockAddend && i >= s.feedbackFrom:
				b = b.In("feedback")
				wide := b.ConcatLast(up[first : i+1]...)
				return b.Region([]graph.Value{b.ConcatLast(low...)}, 0, func(b *graph.Builder, in []graph.Value) graph.Value {
					return s.feedback(b, b.LinearT(in[0], wide), filters[at.Block.Stage], at.Block)
				})
			}
			return out
		}
	}
}

// filterOf names the filter of a stage. With a single stage that is the official implementation's filterName.
func filterOf(a backbone.Architecture, stage int) string {
	if stageCount(a) == 1 {
		return filterName
	}
	return fmt.Sprintf(stageFilters+"%d.weight", stage)
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
