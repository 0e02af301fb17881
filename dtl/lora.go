package dtl

import (
	"slices"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
)

// lora is LoRA (Hu et al., ICLR 2022, arXiv 2106.09685, equation 3) on the query and value layers, the best choice for a
// given number of parameters according to section 7.1:
//
//	q = x W_q + b_q + (alpha / r) x A^T B^T       A [r, d], B [d, r]; v likewise
//
// A starts Kaiming-uniform (a = sqrt 5) as in the official code (microsoft/LoRA; the paper uses a normal distribution),
// B at zero. alpha defaults to r, so the scale is 1, as in the tables of VTAB-1k (NOAH, arXiv 2206.04673). NOAH's code
// shares one A between query, key and value and has a B for each of them, which is the same number of parameters.
// Deviation: no dropout.
type lora struct {
	base
	rank  int
	alpha float64
}

func init() {
	options := []Option{
		{"rank", Whole, "rank of the low-rank maps", "8"},
		{"alpha", Number, "the low-rank product is scaled by alpha / rank", "the rank"},
	}
	Register(Definition{Name: "lora", Place: 80, Options: options, New: func(o *Reader, a backbone.Architecture) Method {
		width := narrowest(a)
		rank := o.Whole("rank", min(8, width), 1, width, "the width of the backbone")
		return lora{base{"lora"}, rank, o.Positive("alpha", float64(rank))}
	}})
}

// loraPoints are the adapted layers of a block and the name prefixes of their maps.
var loraPoints = map[backbone.Point]string{
	backbone.Query: "attn.q.lora_", backbone.Value: "attn.v.lora_",
}

func (m lora) Attach(p *Params, a backbone.Architecture) func() backbone.Hook {
	type maps struct{ down, up graph.Value }
	all := map[backbone.Tap]maps{}
	for _, block := range a.Blocks() {
		for _, point := range []backbone.Point{backbone.Query, backbone.Value} {
			name := blockPrefix(a, block) + loraPoints[point]
			all[backbone.Tap{Point: point, Block: block}] = maps{
				p.Declare(name+"A", KaimingUniform, m.rank, block.Width), p.Declare(name+"B", Zeros, block.Width, m.rank),
			}
		}
	}
	scale := m.alpha / float64(m.rank)
	return func() backbone.Hook {
		return func(b *graph.Builder, at backbone.Tap, in, out graph.Value) graph.Value {
			w, ok := all[at]
			if !ok {
				return out
			}
			low := b.In("down").LinearT(in, w.down)
			if scale != 1 {
				low = b.Scale(low, scale)
			}
			return b.Add(out, b.In("up").LinearT(low, w.up))
		}
	}
}

// merge is W <- W + (alpha / r) A^T B^T with W [in, out]: equation 3 of the paper, written as an update of W.
func (m lora) merge(into *merger, a backbone.Architecture) {
	r, scale := m.rank, m.alpha/float64(m.rank)
	for _, block := range a.Blocks() {
		d := block.Width
		for point, name := range loraPoints {
			name = blockPrefix(a, block) + name
			down, up := into.parameter(name+"A", r, d), into.parameter(name+"B", d, r)
			kernel, _, _ := a.LayerWeights(backbone.Tap{Point: point, Block: block})
			for in, row := range slices.Collect(slices.Chunk(into.weight(kernel, d), d)) {
				for out := range row {
					sum := 0.0
					for k := range r {
						sum += float64(down[k*d+in]) * float64(up[out*r+k])
					}
					row[out] = float32(float64(row[out]) + scale*sum)
				}
			}
		}
	}
}
