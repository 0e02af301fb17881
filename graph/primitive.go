package graph

import (
	"fmt"
	"slices"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph/tensor"
)

// The functions of this file add single nodes, off the tape. Layers are built from them.

func (b *Builder) mul(x, y Value) Value { return b.binary("Mul", x, y) }
func (b *Builder) add(x, y Value) Value { return b.binary("AddV2", x, y) }
func (b *Builder) sub(x, y Value) Value { return b.binary("Sub", x, y) }

// binary is an element-wise op of two operands, in the type of x, or of y if x is a scalar.
func (b *Builder) binary(kind string, x, y Value) Value {
	x, y = b.same(x, y)
	return b.node(kind, broadcast(x.Shape, y.Shape), nil, x.Output, y.Output)
}

func (b *Builder) unary(kind string, x Value) Value {
	return b.node(kind, x.Shape, nil, x.Output)
}

// broadcast is the shape that two shapes broadcast to.
func broadcast(x, y []int) []int {
	if len(x) < len(y) {
		x, y = y, x
	}
	out := slices.Clone(x)
	for i := range y {
		at := len(x) - len(y) + i
		switch {
		case out[at] == y[i] || y[i] == 1:
		case out[at] == 1:
			out[at] = y[i]
		default:
			Fail("shapes %v and %v do not go together", x, y)
		}
	}
	return out
}

// matmul is the product x y of two matrices in the Builder's precision; tx and ty transpose x and y first.
func (b *Builder) matmul(x, y Value, tx, ty bool) Value {
	rows, inner := x.Shape[0], x.Shape[1]
	if tx {
		rows, inner = inner, rows
	}
	inner2, cols := y.Shape[0], y.Shape[1]
	if ty {
		inner2, cols = cols, inner2
	}
	if inner != inner2 {
		Fail("matrices %v and %v (transposed: %t, %t) do not go together", x.Shape, y.Shape, tx, ty)
	}
	x, y = b.narrow(x), b.narrow(y)
	return b.node("MatMul", []int{rows, cols}, map[string]any{"transpose_a": tx, "transpose_b": ty}, x.Output, y.Output)
}

// batchMatmul is matmul over the last two axes.
func (b *Builder) batchMatmul(x, y Value, tx, ty bool) Value {
	n := len(x.Shape)
	shape := slices.Clone(x.Shape)
	if tx {
		shape[n-2] = x.Shape[n-1]
	}
	shape[n-1] = y.Shape[n-1]
	if ty {
		shape[n-1] = y.Shape[n-2]
	}
	x, y = b.narrow(x), b.narrow(y)
	return b.node("BatchMatMulV2", shape, map[string]any{"adj_x": tx, "adj_y": ty}, x.Output, y.Output)
}

// reshape is x in another shape. One dimension may be Unknown.
func (b *Builder) reshape(x Value, shape ...int) Value {
	if slices.Equal(x.Shape, shape) {
		return Detach(x)
	}
	return b.node("Reshape", shape, nil, x.Output, b.ints(shape...).Output)
}

// rows is x [..., d] as a matrix [n, d].
func (b *Builder) rows(x Value) Value {
	return b.reshape(x, leading(x.Shape), x.Width())
}

// leading is the product of all dimensions but the last, Unknown if one of them is.
func leading(shape []int) int {
	lead := shape[:len(shape)-1]
	if slices.Contains(lead, Unknown) {
		return Unknown
	}
	return tensor.Size(lead)
}

func (b *Builder) transpose(x Value, axes ...int) Value {
	shape := make([]int, len(axes))
	for i, a := range axes {
		shape[i] = x.Shape[a]
	}
	return b.node("Transpose", shape, nil, x.Output, b.ints(axes...).Output)
}

// reduce is Sum or Mean over the given axes, in float32.
func (b *Builder) reduce(kind string, x Value, keepDims bool, axes ...int) Value {
	var shape []int
	for i, d := range x.Shape {
		if !slices.Contains(axes, i) {
			shape = append(shape, d)
		} else if keepDims {
			shape = append(shape, 1)
		}
	}
	return b.node(kind, shape, map[string]any{"keep_dims": keepDims}, b.widen(x).Output, b.ints(axes...).Output)
}

// sumRows sums [..., d] to [d].
func (b *Builder) sumRows(x Value) Value { return b.reduce("Sum", b.rows(x), false, 0) }

// last is the index of the last axis.
func last(x Value) int { return len(x.Shape) - 1 }

// slice is x[from:to] along one axis.
func (b *Builder) slice(x Value, axis, from, to int) Value {
	if from == 0 && to == x.Shape[axis] && len(b.after) == 0 {
		return Detach(x)
	}
	begin, size := make([]int, len(x.Shape)), make([]int, len(x.Shape))
	shape := slices.Clone(x.Shape)
	for i := range size {
		size[i] = -1
	}
	begin[axis], size[axis], shape[axis] = from, to-from, to-from
	return b.node("Slice", shape, nil, x.Output, b.ints(begin...).Output, b.ints(size...).Output)
}

func (b *Builder) concat(axis int, parts ...Value) Value {
	if len(parts) == 1 {
		return Detach(parts[0])
	}
	shape := slices.Clone(parts[0].Shape)
	list := make(tf.OutputList, len(parts))
	dtype := parts[0].DataType()
	for _, p := range parts {
		if p.DataType() == tf.Float { // the widest type wins
			dtype = tf.Float
		}
	}
	for i, p := range parts {
		list[i] = b.cast(p, dtype).Output
		if i > 0 {
			shape[axis] += p.Shape[axis]
		}
	}
	return b.node("ConcatV2", shape, nil, list, b.axis(axis).Output)
}

// gather is x at the given indices of one axis.
func (b *Builder) gather(x Value, axis int, indices []int) Value {
	shape := slices.Clone(x.Shape)
	shape[axis] = len(indices)
	return b.node("GatherV2", shape, nil, x.Output, b.ints(indices...).Output, b.axis(axis).Output)
}

// Pick is x [n, ...] at indices (int32 [m]) of the first axis: [m, ...]. It has no gradient.
func (b *Builder) Pick(x, indices Value) Value {
	shape := slices.Clone(x.Shape)
	shape[0] = indices.Shape[0]
	return b.node("GatherV2", shape, nil, x.Output, indices.Output, b.axis(0).Output)
}

// axis is a scalar constant, one node per graph and axis.
func (b *Builder) axis(n int) Value {
	return b.cached(fmt.Sprintf("axis%d", n), func() Value { return b.root().Constant(tensor.Scalar(int32(n))) })
}

// cast converts x to another element type.
func (b *Builder) cast(x Value, to tf.DataType) Value {
	if x.DataType() == to {
		return Detach(x)
	}
	return b.node("Cast", x.Shape, map[string]any{"DstT": to}, x.Output)
}
