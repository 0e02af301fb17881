package onnx

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"dtl-tf/graph/tensor"
)

// array is a value in float64, which holds integers as well.
type array struct {
	shape []int
	data  []float64
}

// evaluate runs a model that was read from a file, by the definitions of docs/Operators.md of ONNX 1.12, in float64.
func (m readModel) evaluate(t *testing.T, inputs map[string]array) map[string]array {
	t.Helper()
	values := map[string]array{}
	for name, v := range inputs {
		values[name] = v
	}
	for name, c := range m.constants {
		v := array{shape: []int{}}
		for _, d := range c.dims {
			v.shape = append(v.shape, int(d))
		}
		if c.kind == 1 {
			for _, f := range floats(c.raw) {
				v.data = append(v.data, float64(f))
			}
		} else {
			for i := 0; i < len(c.raw); i += 8 {
				v.data = append(v.data, float64(int64(binary.LittleEndian.Uint64(c.raw[i:]))))
			}
		}
		values[name] = v
	}
	for _, n := range m.nodes {
		in := make([]array, len(n.inputs))
		for i, name := range n.inputs {
			in[i] = values[name]
		}
		out := evaluateNode(t, n, in)
		if len(out.data) != tensor.Size(out.shape) {
			t.Fatalf("%s: %d values of shape %v", n.op, len(out.data), out.shape)
		}
		values[n.outputs[0]] = out
	}
	return values
}

var unaries = map[string]func(x float64) float64{
	"Abs": math.Abs, "Cast": same1, "Erf": math.Erf, "Exp": math.Exp, "Identity": same1, "Neg": func(x float64) float64 { return -x },
	"Reciprocal": func(x float64) float64 { return 1 / x }, "Relu": func(x float64) float64 { return max(x, 0) },
	"Sigmoid": func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, "Sqrt": math.Sqrt, "Tanh": math.Tanh,
}

func same1(x float64) float64 { return x }

var binaries = map[string]func(x, y float64) float64{
	"Add": func(x, y float64) float64 { return x + y }, "Sub": func(x, y float64) float64 { return x - y },
	"Mul": func(x, y float64) float64 { return x * y }, "Div": func(x, y float64) float64 { return x / y },
	"Max": func(x, y float64) float64 { return max(x, y) }, "Min": func(x, y float64) float64 { return min(x, y) },
}

func evaluateNode(t *testing.T, n readNode, in []array) array {
	t.Helper()
	x := in[0]
	integer := func(name string, other int) int {
		if v, ok := n.attributes[name].(int64); ok {
			return int(v)
		}
		return other
	}
	axis := (integer("axis", 0) + len(x.shape)) % max(1, len(x.shape))
	if f := unaries[n.op]; f != nil {
		return generate(x.shape, func(at []int) float64 { return f(x.at(at)) })
	}
	if f := binaries[n.op]; f != nil {
		return generate(broadcastShapes(x.shape, in[1].shape), func(at []int) float64 { return f(x.at(at), in[1].at(at)) })
	}
	switch n.op {
	case "Shape":
		return array{[]int{len(x.shape)}, float64s(x.shape)}
	case "Reshape":
		shape := ints(in[1])
		if k := slices.Index(shape, -1); k >= 0 {
			shape[k] = 1
			shape[k] = len(x.data) / tensor.Size(shape)
		}
		return array{shape, x.data}
	case "Transpose":
		perm := n.attributes["perm"].([]int64)
		shape := make([]int, len(perm))
		for i, p := range perm {
			shape[i] = x.shape[p]
		}
		return generate(shape, func(at []int) float64 {
			from := make([]int, len(at))
			for i, p := range perm {
				from[p] = at[i]
			}
			return x.at(from)
		})
	case "Slice":
		shape, start := slices.Clone(x.shape), make([]int, len(x.shape))
		for i, a := range ints(in[3]) {
			start[a] = ints(in[1])[i]
			shape[a] = min(ints(in[2])[i], x.shape[a]) - start[a]
		}
		return generate(shape, func(at []int) float64 { return x.at(plus(at, start)) })
	case "Concat":
		shape := slices.Clone(x.shape)
		for _, other := range in[1:] {
			shape[axis] += other.shape[axis]
		}
		return generate(shape, func(at []int) float64 {
			at = slices.Clone(at)
			for _, part := range in {
				if at[axis] < part.shape[axis] {
					return part.at(at)
				}
				at[axis] -= part.shape[axis]
			}
			return math.NaN()
		})
	case "Gather":
		shape := slices.Concat(x.shape[:axis], in[1].shape, x.shape[axis+1:])
		return generate(shape, func(at []int) float64 {
			k := len(in[1].shape)
			index := int(in[1].at(at[axis : axis+k]))
			return x.at(slices.Concat(at[:axis], []int{index}, at[axis+k:]))
		})
	case "Tile":
		shape := slices.Clone(x.shape)
		for i, times := range ints(in[1]) {
			shape[i] *= times
		}
		return generate(shape, func(at []int) float64 {
			from := make([]int, len(at))
			for i := range at {
				from[i] = at[i] % x.shape[i]
			}
			return x.at(from)
		})
	case "Pad":
		pads, shape := ints(in[1]), slices.Clone(x.shape)
		before := make([]int, len(shape))
		for i := range shape {
			before[i] = -pads[i]
			shape[i] += pads[i] + pads[len(shape)+i]
		}
		return generate(shape, func(at []int) float64 {
			from := plus(at, before)
			for i, v := range from {
				if v < 0 || v >= x.shape[i] {
					return 0
				}
			}
			return x.at(from)
		})
	case "MatMul":
		return product2(x, in[1])
	case "Gemm":
		a, b := x, in[1]
		if integer("transA", 0) == 1 {
			a = a.swapped()
		}
		if integer("transB", 0) == 1 {
			b = b.swapped()
		}
		y := product2(a, b)
		if len(in) > 2 {
			return generate(y.shape, func(at []int) float64 { return y.at(at) + in[2].at(at) })
		}
		return y
	case "ReduceMean", "ReduceSum":
		axes, _ := n.attributes["axes"].([]int64)
		if n.op == "ReduceSum" {
			for _, a := range ints(in[1]) {
				axes = append(axes, int64(a))
			}
		}
		return x.reduced(axes, integer("keepdims", 1) == 1, n.op == "ReduceMean")
	case "Softmax":
		e := generate(x.shape, func(at []int) float64 { return math.Exp(x.at(at)) })
		sums := e.reduced([]int64{int64(axis)}, true, false)
		return generate(x.shape, func(at []int) float64 { return e.at(at) / sums.at(at) })
	case "LayerNormalization":
		mean := x.reduced([]int64{int64(axis)}, true, true)
		square := generate(x.shape, func(at []int) float64 { return math.Pow(x.at(at)-mean.at(at), 2) }).reduced([]int64{int64(axis)}, true, true)
		return generate(x.shape, func(at []int) float64 {
			return (x.at(at)-mean.at(at))/math.Sqrt(square.at(at)+float64(n.attributes["epsilon"].(float32)))*in[1].at(at) + in[2].at(at)
		})
	case "Conv": // depth-wise, stride 1
		pads, kernel := n.attributes["pads"].([]int64), in[1].shape
		if integer("group", 1) != x.shape[1] || kernel[1] != 1 {
			t.Fatalf("Conv of %d groups", integer("group", 1))
		}
		shape := []int{x.shape[0], x.shape[1], x.shape[2] + int(pads[0]+pads[2]) - kernel[2] + 1, x.shape[3] + int(pads[1]+pads[3]) - kernel[3] + 1}
		return generate(shape, func(at []int) (sum float64) {
			for i := range kernel[2] {
				for j := range kernel[3] {
					y, z := at[2]+i-int(pads[0]), at[3]+j-int(pads[1])
					if y >= 0 && y < x.shape[2] && z >= 0 && z < x.shape[3] {
						sum += x.at([]int{at[0], at[1], y, z}) * in[1].at([]int{at[1], 0, i, j})
					}
				}
			}
			return sum
		})
	}
	t.Fatalf("the test can't evaluate %s", n.op)
	return array{}
}

// at is an element. Missing leading axes and axes of 1 are broadcast.
func (a array) at(index []int) float64 {
	index = index[len(index)-len(a.shape):]
	flat := 0
	for i, d := range a.shape {
		flat *= d
		if d > 1 {
			flat += index[i]
		}
	}
	return a.data[flat]
}

// generate computes every element of a shape.
func generate(shape []int, f func(at []int) float64) array {
	a := array{shape, make([]float64, tensor.Size(shape))}
	at := make([]int, len(shape))
	for i := range a.data {
		rest := i
		for k := len(shape) - 1; k >= 0; k-- {
			at[k], rest = rest%shape[k], rest/shape[k]
		}
		a.data[i] = f(at)
	}
	return a
}

func broadcastShapes(x, y []int) []int {
	if len(x) < len(y) {
		x, y = y, x
	}
	out := slices.Clone(x)
	for i, d := range y {
		k := len(x) - len(y) + i
		out[k] = max(out[k], d)
	}
	return out
}

func plus(x, y []int) []int {
	sum := make([]int, len(x))
	for i := range x {
		sum[i] = x[i] + y[i]
	}
	return sum
}

func ints(a array) []int {
	list := make([]int, len(a.data))
	for i, v := range a.data {
		list[i] = int(min(v, math.MaxInt32))
	}
	return list
}

func float64s(list []int) []float64 {
	out := make([]float64, len(list))
	for i, v := range list {
		out[i] = float64(v)
	}
	return out
}

// product2 is the product of matrices, with the axes before the last two broadcast.
func product2(x, y array) array {
	n, k := len(x.shape), len(y.shape)
	lead := broadcastShapes(x.shape[:n-2], y.shape[:k-2])
	return generate(append(lead, x.shape[n-2], y.shape[k-1]), func(at []int) (sum float64) {
		row, column := slices.Clone(at), slices.Clone(at)
		for i := range x.shape[n-1] {
			row[len(at)-1], column[len(at)-2] = i, i
			sum += x.at(row) * y.at(column)
		}
		return sum
	})
}

// swapped is the transpose of a matrix.
func (a array) swapped() array {
	return generate([]int{a.shape[1], a.shape[0]}, func(at []int) float64 { return a.at([]int{at[1], at[0]}) })
}

// reduced sums or averages axes.
func (a array) reduced(axes []int64, keep, average bool) array {
	kept := slices.Clone(a.shape)
	count := 1
	for _, axis := range axes {
		axis = (axis + int64(len(a.shape))) % int64(len(a.shape))
		count *= kept[axis]
		kept[axis] = 1
	}
	sums := array{kept, make([]float64, tensor.Size(kept))}
	generate(a.shape, func(at []int) float64 {
		flat := 0
		for i, d := range kept {
			flat *= d
			if d > 1 {
				flat += at[i]
			}
		}
		sums.data[flat] += a.at(at)
		return 0
	})
	if average {
		for i := range sums.data {
			sums.data[i] /= float64(count)
		}
	}
	if !keep {
		sums.shape = nil
		for i, d := range a.shape {
			if !slices.ContainsFunc(axes, func(axis int64) bool { return (int(axis)+len(a.shape))%len(a.shape) == i }) {
				sums.shape = append(sums.shape, d)
			}
		}
	}
	return sums
}
