package swin

import (
	"math"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
)

// resample adapts the tables of relative positions to the windows of another input size.
func resample(weights tensor.Map, _, to backbone.Architecture) {
	a := to.(Architecture)
	for _, b := range a.Blocks() {
		name := a.inBlock(b, tableName)
		weights[name] = resampleTable(weights[name], a.window(b.Stage))
	}
}

// resampleTable resamples a table of relative positions [(2v-1)^2, heads] to windows of w x w patches, [(2w-1)^2, heads], like
// timm (pos_embed_rel.py, resize_rel_pos_bias_table without SciPy): along each axis, the old positions lie at distances from the
// centre that grow like a geometric series up to the new window's edge; between them the table is linear, beyond them constant.
func resampleTable(t tensor.Tensor, w int) tensor.Tensor {
	v, heads := windowOf(t.Shape[0]), t.Shape[1]
	if v == w {
		return t
	}
	side := 2*w - 1
	return tensor.Compute(func(in ...tensor.Tensor) tensor.Tensor { return windowTable(in[0], w) }, []int{side * side, heads}, t)
}

// windowTable is resampleTable of elements in memory.
func windowTable(t tensor.Tensor, w int) tensor.Tensor {
	v, heads := windowOf(t.Shape[0]), t.Shape[1]
	axis, side := interpolate(v, w), 2*w-1
	out := tensor.Zeros(side*side, heads)
	for row, y := range axis {
		for column, x := range axis {
			for h := range heads {
				at := func(i, j int) float64 { return float64(t.Float32()[(i*(2*v-1)+j)*heads+h]) }
				top := (1-x.right)*at(y.from, x.from) + x.right*at(y.from, x.to)
				bottom := (1-x.right)*at(y.to, x.from) + x.right*at(y.to, x.to)
				out.Float32()[(row*side+column)*heads+h] = float32((1-y.right)*top + y.right*bottom)
			}
		}
	}
	return out
}

// between is a place between two neighbouring positions: right is the share of the second.
type between struct {
	from, to int
	right    float64
}

// interpolate places the 2w-1 relative positions along an axis of a window of w patches among the 2v-1 of one of v patches.
func interpolate(v, w int) []between {
	known := geometric(v-1, w-1)
	places := make([]between, 2*w-1)
	for i := range places {
		x := float64(i - (w - 1))
		right := 0
		for right < len(known)-1 && known[right] < x {
			right++
		}
		left := max(right-1, 0)
		p := between{from: left, to: right}
		switch gap := known[right] - known[left]; {
		case x >= known[right]:
			p.right = 1
		case gap > 0 && x > known[left]:
			p.right = (x - known[left]) / gap
		}
		places[i] = p
	}
	return places
}

// geometric places n positions on either side of 0 at distances 1, 1+q, 1+q+q^2, ..., with the q between 1.01 and 1.5 for which the
// last one is closest to edge.
func geometric(n, edge int) []float64 {
	low, high, q := 1.01, 1.5, 0.0
	for high-low > 1e-6 {
		q = (low + high) / 2
		if (1-math.Pow(q, float64(n)))/(1-q) > float64(edge) {
			high = q
		} else {
			low = q
		}
	}
	places := make([]float64, 2*n+1)
	distance := 1.0
	for i := 1; i <= n; i++ {
		places[n+i], places[n-i] = distance, -distance
		distance += math.Pow(q, float64(i))
	}
	return places
}
