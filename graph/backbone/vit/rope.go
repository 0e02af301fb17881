package vit

import (
	"fmt"
	"math"

	"dtl-tf/graph"
)

// Rotary is a kind of rotary positions (Su et al., "RoFormer", arXiv 2104.09864, in two dimensions): queries and keys of the patches
// are turned by angles that grow with the patch's row and column. Prefix tokens, and tokens that a method inserts, are not turned.
type Rotary string

const (
	// RotaryDINOv3 turns by 2 pi c / 100^(2j / (D/2)), D the width of a head, with the patch's centre c in -1..1 (Siméoni et al., "DINOv3",
	// arXiv 2508.10104, and facebookresearch/dinov3, dinov3/layers/rope_position_encoding.py). Its pairs are the channels j and j + D/2
	// of a head; files are read so that they lie side by side (see turnedPairs).
	RotaryDINOv3 Rotary = "dinov3"
	// RotaryEVA02 turns by c / 10000^(j / (D/4)), with rows and columns c scaled to a grid of 16 x 16 (Fang et al., "EVA-02", arXiv
	// 2303.11331; timm, layers/pos_embed_sincos.py, RotaryEmbeddingCat). Its pairs lie side by side.
	RotaryEVA02 Rotary = "eva02"
)

// evaGrid is the side of the grid whose rows and columns EVA-02 counts (ref_feat_shape in timm's eva.py).
const evaGrid = 16

// angles returns the angles of one head for all tokens: [extra + T, D/2] in the order of the sequence, with extra tokens between the
// prefix and the patches. The first D/4 angles of a patch are of its row, the others of its column.
func (a Architecture) angles(extra int) []float32 {
	width, grid := a.Width/a.Heads, a.Grid()
	bands := width / 4
	angle := func(at, j int) float64 {
		if a.Rotary == RotaryDINOv3 {
			centre := 2*(float64(at)+0.5)/float64(grid) - 1
			return 2 * math.Pi * centre / math.Pow(100, 2*float64(j)/float64(width/2))
		}
		return float64(at) * evaGrid / float64(grid) / math.Pow(10000, float64(j)/float64(bands))
	}
	out := make([]float32, (a.Prefix()+extra)*width/2, (a.Tokens()+extra)*width/2)
	for row := range grid {
		for column := range grid {
			for _, at := range []int{row, column} {
				for j := range bands {
					out = append(out, float32(angle(at, j)))
				}
			}
		}
	}
	return out
}

// turns are the angles for a sequence of that many tokens, nil without rotary positions.
func (v layers) turns(tokens int) *graph.Turns {
	if v.arch.Rotary == "" {
		return nil
	}
	extra := tokens - v.Block.Tokens()
	return &graph.Turns{Name: fmt.Sprintf("rotary_%d", extra), Angles: func() []float32 { return v.arch.angles(extra) }}
}

// turnedPairs is the order in which the channels of DINOv3's queries and keys are read, for heads side by side of the given
// width: the pairs that RoPE turns together become neighbours. Scores are sums over the channels of a head, so the order does not
// matter to them.
func turnedPairs(heads, width int) []int {
	var order []int
	for head := range heads {
		for j := range width / 2 {
			order = append(order, head*width+j, head*width+j+width/2)
		}
	}
	return order
}
