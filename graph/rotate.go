package graph

import (
	"math"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph/tensor"
)

// Rotate turns pairs of channels of x [B, T, d], heads side by side: the channels 2j and 2j+1 of each head of token t are turned by
// angle t, j of angles [T, d/heads/2]. Calls with the same name share a table and must mean the same angles. The pairs are complex
// numbers to TensorFlow, so a turn is one product. Saves nothing.
func (b *Builder) Rotate(x Value, name string, angles func() []float32, heads int) Value {
	forward := b.Shared(name, func(b *Builder) Value { return b.turns(angles(), x.Shape[1], heads) })
	backward := b.Shared(name+"/back", func(b *Builder) Value { return b.unary("Conj", forward) })
	return b.differentiable(b.In("rotate").turned(x, forward), []Value{x}, func(g *Gate, dy Value) []Value {
		return []Value{g.turned(dy, backward)}
	})
}

// turns is the table of exp(i angle) [1, T d/2] for all heads.
func (b *Builder) turns(angles []float32, tokens, heads int) Value {
	each := len(angles) / tokens
	parts := make([]float32, 0, 2*heads*len(angles))
	for t := range tokens {
		for range heads {
			for _, angle := range angles[t*each:][:each] {
				sin, cos := math.Sincos(float64(angle))
				parts = append(parts, float32(cos), float32(sin))
			}
		}
	}
	return b.complex(b.Constant(tensor.Must(parts, 1, len(parts))))
}

// turned is the product of x [B, T, d], read as pairs, with a table of turns. It computes in float32 and returns the type of x.
func (b *Builder) turned(x, turns Value) Value {
	pairs := b.complex(b.reshape(b.widen(x), x.Shape[0], x.Shape[1]*x.Width()))
	product := b.node("Mul", pairs.Shape, nil, pairs.Output, turns.Output)
	apart := b.node("Bitcast", append(product.Shape[:2:2], 2), map[string]any{"type": tf.Float}, product.Output)
	return b.cast(b.reshape(apart, x.Shape...), x.DataType())
}

// complex is x [n, 2m] as complex numbers [n, m]. It copies nothing.
func (b *Builder) complex(x Value) Value {
	n, m := x.Shape[0], x.Shape[1]/2
	return b.node("Bitcast", []int{n, m}, map[string]any{"type": tf.Complex64}, b.reshape(x, n, m, 2).Output)
}
