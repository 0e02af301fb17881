package dtl

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
)

// prune gives the side blocks their initial values from the backbone's weights (the paper's structural weight initialisation): of
// each layer those outputs stay whose weights have the largest L1 norm, counted over the inputs that stay, and
// the next layer's inputs are the outputs that stayed. Query, key and value lose the same outputs: there the norm is that of
// the product of the three matrices, element by element. The order is that of the code's pruning_without_residual (version 2,
// with the weights themselves as importance): patch embedding; then for each block norm1, query with key and value,
// projection, norm2, fc1, fc2; the final norm. Biases and norms follow the outputs that stayed last. The residual
// stream is not forced to keep the same channels from layer to layer, as in the code.
func (l ladder) prune(a backbone.Architecture, weights tensor.Map) (tensor.Map, error) {
	p := &pruner{arch: a, weights: weights, values: tensor.Map{}}
	blocks := a.Blocks()
	first, last := blocks[0], blocks[len(blocks)-1]
	d, w, hidden := first.Width, l.width(first), l.hidden(first)
	embedding, _ := p.read(backbone.Tap{Point: backbone.PatchEmbedding, Block: first.Outside()}, 3*a.PatchSize()*a.PatchSize()*d, d)
	p.kept = largest([][]float32{embedding}, nil, d, w)
	for _, block := range blocks {
		p.norm(backbone.Norm1, block)
		p.linear(block, d, d, w, backbone.Query, backbone.Key, backbone.Value)
		p.linear(block, d, d, w, backbone.Projection)
		p.norm(backbone.Norm2, block)
		p.linear(block, d, block.MLP, hidden, backbone.FC1)
		p.linear(block, block.MLP, d, w, backbone.FC2)
	}
	p.norm(backbone.FinalNorm, last.Outside())
	return p.values, p.err
}

// pruner walks through the layers; kept are the outputs of the last one that stayed, in order.
type pruner struct {
	arch            backbone.Architecture
	weights, values tensor.Map
	kept            []int
	err             error
}

// read gives kernel (or scale) and bias of the layer that ends at a tap, of so many numbers. After an error they are zeros.
func (p *pruner) read(at backbone.Tap, kernel, bias int) (k, b []float32) {
	kernelName, biasName, _ := p.arch.LayerWeights(at)
	one := func(name string, size int) []float32 {
		t, ok := p.weights[name]
		if values := t.Float32(); ok && len(values) == size {
			return values
		}
		if p.err == nil {
			p.err = fmt.Errorf("the backbone's weight %s should hold %d numbers", name, size)
		}
		return make([]float32, size)
	}
	return one(kernelName, kernel), one(biasName, bias)
}

// norm takes the channels that stayed out of a LayerNorm.
func (p *pruner) norm(point backbone.Point, block backbone.Block) {
	scale, bias := p.read(backbone.Tap{Point: point, Block: block}, block.Width, block.Width)
	name := sideName(point, block.Index)
	p.values[name+".weight"] = tensor.Must(pick(scale, p.kept), len(p.kept))
	p.values[name+".bias"] = tensor.Must(pick(bias, p.kept), len(p.kept))
}

// linear prunes layers of one input, kernels [in, out], to n outputs, the same ones of each.
func (p *pruner) linear(block backbone.Block, in, out, n int, points ...backbone.Point) {
	kernels, biases := make([][]float32, len(points)), make([][]float32, len(points))
	for i, point := range points {
		kernels[i], biases[i] = p.read(backbone.Tap{Point: point, Block: block}, in*out, out)
	}
	inputs := p.kept
	p.kept = largest(kernels, inputs, out, n)
	for i, point := range points {
		small := make([]float32, 0, n*len(inputs)) // [out, in]
		for _, to := range p.kept {
			for _, from := range inputs {
				small = append(small, kernels[i][from*out+to])
			}
		}
		name := sideName(point, block.Index)
		p.values[name+".weight"] = tensor.Must(small, n, len(inputs))
		p.values[name+".bias"] = tensor.Must(pick(biases[i], p.kept), n)
	}
}

// largest lists, in order, the n outputs of kernels [in, out] with the largest L1 norm of their product over the given inputs
// (nil: all).
func largest(kernels [][]float32, inputs []int, out, n int) []int {
	if inputs == nil {
		for from := range len(kernels[0]) / out {
			inputs = append(inputs, from)
		}
	}
	norms := make([]float64, out)
	for _, from := range inputs {
		for to := range norms {
			product := 1.0
			for _, kernel := range kernels {
				product *= float64(kernel[from*out+to])
			}
			norms[to] += math.Abs(product)
		}
	}
	order := make([]int, out)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(norms[j], norms[i]) })
	kept := order[:n]
	slices.Sort(kept)
	return kept
}

func pick(values []float32, at []int) []float32 {
	out := make([]float32, len(at))
	for i, from := range at {
		out[i] = values[from]
	}
	return out
}
