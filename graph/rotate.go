package graph

import (
	"fmt"
	"math"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph/tensor"
)

// Turns are the angles by which rotary positions turn queries and keys: the channels 2j and 2j+1 of each head of token t by angle t, j of
// Angles [T, d/heads/2]. Name identifies them within a graph: turns of the same name share a table. nil turns nothing.
type Turns struct {
	Name   string
	Angles func() []float32
}

// table is cos and sin of all angles, times a factor, side by side: [T d/heads], what a head of one sample is multiplied with.
func (r *Turns) table(b *Builder, factor float64) Value {
	return b.Shared(fmt.Sprintf("%s/%v", r.Name, factor), func(b *Builder) Value {
		angles := r.Angles()
		parts := make([]float32, 0, 2*len(angles))
		for _, angle := range angles {
			sin, cos := math.Sincos(float64(angle))
			parts = append(parts, float32(factor*cos), float32(factor*sin))
		}
		return b.Constant(tensor.Must(parts, len(parts)))
	})
}

// turn is x [B, heads, T, D] with its pairs turned, or turned back, and times a factor. It computes in float32 and returns the
// Builder's precision.
func (b *Builder) turn(r *Turns, x Value, factor float64, back bool) Value {
	if r == nil {
		return b.times(x, factor)
	}
	b = b.In("turn")
	row := x.Shape[2] * x.Shape[3]
	heads := b.reshape(x, x.Shape[0], x.Shape[1], row)
	table := r.table(b, factor)
	if kind := b.kernelsOf(b.precision.DataType(), x); kind != "" {
		sign := float32(1)
		if back {
			sign = -1
		}
		return b.reshape(b.node(kind+"Rotate", heads.Shape, map[string]any{"sign": sign}, heads.Output, table.Output), x.Shape...)
	}
	// To TensorFlow the pairs are complex numbers, so a turn is one product.
	turns := b.complex(b.reshape(table, 1, row))
	if back {
		turns = b.unary("Conj", turns)
	}
	pairs := b.complex(b.widen(heads))
	product := b.node("Mul", pairs.Shape, nil, pairs.Output, turns.Output)
	apart := b.node("Bitcast", append(product.Shape[:len(product.Shape):len(product.Shape)], 2), map[string]any{"type": tf.Float}, product.Output)
	return b.narrow(b.reshape(apart, x.Shape...))
}

// complex is x [..., 2m] as complex numbers [..., m]. It copies nothing.
func (b *Builder) complex(x Value) Value {
	lead := x.Shape[:last(x):last(x)]
	m := x.Width() / 2
	pairs := b.reshape(x, append(lead, m, 2)...)
	return b.node("Bitcast", append(lead, m), map[string]any{"type": tf.Complex64}, pairs.Output)
}
