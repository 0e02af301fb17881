package dtl

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
)

// prune computes initial values of the side blocks from the backbone's weights (the paper's structural weight
// initialisation). Each layer keeps the outputs whose weights have the largest L1 norm over the kept inputs; these outputs are
// the next layer's kept inputs. Query, key and value keep the same outputs, ranked by the norm of the elementwise product of
// the three matrices. The order is that of the code's pruning_without_residual (version 2, with the weights themselves as
// importance): patch embedding; norm1, query with key and value, projection, norm2, fc1 and fc2 of each block; final norm.
// Biases and norms keep the channels of the layer before them. As in the code, the channels kept in the residual stream may
// differ from layer to layer.
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

// pruner walks through the layers. kept lists the outputs of the last pruned layer that it kept, in ascending order.
type pruner struct {
	arch            backbone.Architecture
	weights, values tensor.Map
	kept            []int
	err             error
}

// read returns the kernel (or scale) and the bias of the layer that ends at a tap; kernel and bias are their expected sizes.
// After an error the values are zero.
func (p *pruner) read(at backbone.Tap, kernel, bias int) (k, b []float32) {
	kernelName, biasName, _ := p.arch.LayerWeights(at)
	one := func(name string, size int) []float32 {
		if name == "" { // a layer without bias is one with a bias of zero
			return make([]float32, size)
		}
		t, err := p.weights[name].Load()
		if err != nil {
			p.err = cmp.Or(p.err, err)
		}
		if values := t.Float32(); err == nil && len(values) == size {
			return values
		}
		if p.err == nil {
			p.err = fmt.Errorf("the backbone's weight %s should hold %d numbers", name, size)
		}
		return make([]float32, size)
	}
	return one(kernelName, kernel), one(biasName, bias)
}

// norm prunes a LayerNorm to the kept channels.
func (p *pruner) norm(point backbone.Point, block backbone.Block) {
	scale, bias := p.read(backbone.Tap{Point: point, Block: block}, block.Width, block.Width)
	name := sideName(point, block.Index)
	p.values[name+".weight"] = tensor.Must(pick(scale, p.kept), len(p.kept))
	p.values[name+".bias"] = tensor.Must(pick(bias, p.kept), len(p.kept))
}

// linear prunes layers that share an input, kernels [in, out], to the same n outputs.
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

// largest returns, in ascending order, the n outputs for which the elementwise product of the kernels [in, out] has the
// largest L1 norm over the given inputs (nil: all).
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

// pick returns the values at the given indices.
func pick(values []float32, at []int) []float32 {
	out := make([]float32, len(at))
	for i, from := range at {
		out[i] = values[from]
	}
	return out
}
