package onnx

import (
	"math"
	"slices"

	tf "github.com/wamuir/graft/tensorflow"
	pb "github.com/wamuir/graft/tensorflow/core/framework/node_def_go_proto"

	"dtl-tf/graph"
)

// op is a node of the TensorFlow graph that is being translated.
type op struct {
	*translator
	def *pb.NodeDef
}

// rules translate TensorFlow's ops.
var rules = map[string]func(o op){
	"Identity": pass, "StopGradient": pass,
	"Add": sum, "AddV2": sum, "BiasAdd": biasAdd, "Sub": same("Sub"), "Mul": product, "RealDiv": same("Div"),
	"Maximum": same("Max"), "Minimum": same("Min"), "SquaredDifference": squaredDifference,
	"Abs": same("Abs"), "Neg": same("Neg"), "Exp": same("Exp"), "Sqrt": same("Sqrt"), "Rsqrt": rsqrt,
	"Erf": same("Erf"), "Tanh": same("Tanh"), "Sigmoid": same("Sigmoid"), "Relu": same("Relu"), "Softmax": softmax,
	"MatMul": matmul, "BatchMatMulV2": batchMatmul, "DepthwiseConv2dNative": depthwise,
	"Mean": mean, "Sum": reduceSum,
	"Cast": cast, "Bitcast": bitcast, "Shape": same("Shape"), "Reshape": reshape, "Transpose": transpose,
	"Slice": slice, "ConcatV2": concat, "GatherV2": gather, "Tile": same("Tile"), "Pad": pad,
}

// arg is the TensorFlow name of an input.
func (o op) arg(i int) string { return o.def.Input[i] }

// in is the ONNX name of an input.
func (o op) in(i int) string { return o.name(o.arg(i)) }

// ins are the ONNX names of all inputs.
func (o op) ins() []string {
	var list []string
	for i := range o.def.Input {
		list = append(list, o.in(i))
	}
	return list
}

// fail says why the node has no translation.
func (o op) fail(why string) {
	graph.Fail("TensorFlow's op %s (node %s) has no translation to ONNX: %s", o.def.Op, o.def.Name, why)
}

// part names a value or constant that the node consists of. TensorFlow's nodes have no colon in their names.
func (o op) part(name string) string { return o.def.Name + ":" + name }

// is makes an ONNX node, or another value, the result of the node.
func (o op) is(name string) { o.names[o.def.Name] = name }

// becomes makes one ONNX node the result.
func (o op) becomes(kind string, inputs []string, attributes ...Attribute) {
	o.is(o.add(o.def.Name, kind, inputs, attributes...))
}

// numbers is the constant input i, which holds integers.
func (o op) numbers(i int) []int64 {
	v := o.values[o.arg(i)]
	var list []int64
	switch data := v.Data.(type) {
	case []int32:
		for _, n := range data {
			list = append(list, int64(n))
		}
	case []int64:
		list = slices.Clone(data)
	default:
		o.fail("an input that must be constant depends on the images")
	}
	return list
}

// known tells whether input i is a constant.
func (o op) known(i int) bool {
	_, ok := o.values[o.arg(i)]
	return ok
}

func (o op) flag(name string) bool { return o.def.Attr[name].GetB() }

func (o op) dtype() tf.DataType { return o.output(o.def.Name).DataType() }

func pass(o op) { o.is(o.in(0)) }

// same is the rule for an op that ONNX has too.
func same(kind string) func(o op) {
	return func(o op) {
		typeOf(o.def.Name, o.dtype())
		o.becomes(kind, o.ins())
	}
}

func softmax(o op) { o.becomes("Softmax", o.ins(), Attribute{"axis", int64(-1)}) }

func rsqrt(o op) {
	root := o.add(o.part("sqrt"), "Sqrt", o.ins())
	o.becomes("Reciprocal", []string{root})
}

func squaredDifference(o op) {
	d := o.add(o.part("difference"), "Sub", o.ins())
	o.becomes("Mul", []string{d, d})
}

// sum adds, or ends a layer norm.
func sum(o op) {
	if !o.layerNorm() {
		same("Add")(o)
	}
}

// product multiplies, or ends a GELU.
func product(o op) {
	switch {
	case o.dtype() == tf.Complex64:
		o.turn()
	case !o.gelu():
		same("Mul")(o)
	}
}

// biasAdd is one Gemm with the product before it.
func biasAdd(o op) {
	m := o.byName[o.arg(0)]
	if m == nil || m.Op != "MatMul" || o.constant[m.Name] {
		o.becomes("Add", o.ins())
		return
	}
	product := op{o.translator, m}
	o.becomes("Gemm", append(product.ins(), o.in(1)), product.transposed()...)
}

// transposed are a MatMul's attributes as those of a Gemm.
func (o op) transposed() (list []Attribute) {
	if o.flag("transpose_a") {
		list = append(list, Attribute{"transA", int64(1)})
	}
	if o.flag("transpose_b") {
		list = append(list, Attribute{"transB", int64(1)})
	}
	return list
}

func matmul(o op) {
	if list := o.transposed(); list != nil {
		o.becomes("Gemm", o.ins(), list...)
		return
	}
	o.becomes("MatMul", o.ins())
}

func batchMatmul(o op) {
	inputs := o.ins()
	for i, adjoint := range []string{"adj_x", "adj_y"} {
		if o.flag(adjoint) {
			n := o.rank(o.arg(i))
			axes := make([]int64, n)
			for k := range axes {
				axes[k] = int64(k)
			}
			axes[n-2], axes[n-1] = axes[n-1], axes[n-2]
			inputs[i] = o.permute(o.part(adjoint), inputs[i], axes)
		}
	}
	o.becomes("MatMul", inputs)
}

// permute transposes a value. Two permutations in a row become one.
func (o op) permute(output, value string, axes []int64) string {
	if n := o.made[value]; n != nil && n.Op == "Transpose" {
		before := n.Attributes[0].Value.([]int64)
		joined := make([]int64, len(axes))
		for i, axis := range axes {
			joined[i] = before[axis]
		}
		value, axes = n.Inputs[0], joined
	}
	return o.add(output, "Transpose", []string{value}, Attribute{"perm", axes})
}

func transpose(o op) { o.is(o.permute(o.def.Name, o.in(0), o.numbers(1))) }

// reshape skips reshapes before it, because only the last one matters, and itself if it changes nothing.
func reshape(o op) {
	from := o.arg(0)
	for inputs, n := o.find(from, "Reshape"); n != nil; inputs, n = o.find(from, "Reshape") {
		from = inputs[0]
	}
	if !o.known(1) {
		o.becomes("Reshape", []string{o.name(from), o.in(1)})
		return
	}
	list := o.numbers(1)
	if slices.Contains(list, 0) { // in ONNX: as before
		o.fail("the shape has a dimension of 0")
	}
	if slices.EqualFunc(list, o.shape(from), func(to int64, is int) bool { return to == int64(is) }) { // -1 is unknown in both, and there is one
		o.is(o.name(from))
		return
	}
	o.becomes("Reshape", []string{o.name(from), o.ints(o.part("shape"), list...)})
}

func mean(o op) {
	o.becomes("ReduceMean", []string{o.in(0)}, Attribute{"axes", o.numbers(1)}, o.keepDims())
}

func reduceSum(o op) {
	o.becomes("ReduceSum", []string{o.in(0), o.ints(o.part("axes"), o.numbers(1)...)}, o.keepDims())
}

func (o op) keepDims() Attribute {
	keep := int64(0)
	if o.flag("keep_dims") {
		keep = 1
	}
	return Attribute{"keepdims", keep}
}

func cast(o op) {
	o.becomes("Cast", []string{o.in(0)}, Attribute{"to", int64(typeOf(o.def.Name, o.dtype()))})
}

// bitcast changes nothing: pairs of floats stand for complex numbers.
func bitcast(o op) {
	from, to := o.output(o.arg(0)).DataType(), o.dtype()
	if !(from == tf.Float && to == tf.Complex64 || from == tf.Complex64 && to == tf.Float) {
		o.fail("only pairs of floats become complex numbers, and the reverse")
	}
	o.is(o.in(0))
}

func slice(o op) {
	begin, size := o.numbers(1), o.numbers(2)
	var starts, ends, axes []int64
	for i := range begin {
		if begin[i] == 0 && size[i] == -1 {
			continue
		}
		end := begin[i] + size[i]
		if size[i] == -1 { // to the end
			end = math.MaxInt64
		}
		starts, ends, axes = append(starts, begin[i]), append(ends, end), append(axes, int64(i))
	}
	if axes == nil {
		pass(o)
		return
	}
	o.becomes("Slice", []string{o.in(0), o.ints(o.part("starts"), starts...), o.ints(o.part("ends"), ends...), o.ints(o.part("axes"), axes...)})
}

// axis is the axis that the constant input i holds.
func (o op) axis(i int) Attribute { return Attribute{"axis", o.numbers(i)[0]} }

func concat(o op) {
	n := len(o.def.Input) - 1
	var parts []string
	for i := range n {
		parts = append(parts, o.in(i))
	}
	o.becomes("Concat", parts, o.axis(n))
}

func gather(o op) {
	if o.def.Attr["batch_dims"].GetI() != 0 {
		o.fail("batch_dims is not 0")
	}
	o.becomes("Gather", []string{o.in(0), o.in(1)}, o.axis(2))
}

// pad takes the zeros before and after each axis; ONNX takes those before all axes first.
func pad(o op) {
	var before, after []int64
	for pair := range slices.Chunk(o.numbers(1), 2) {
		before, after = append(before, pair[0]), append(after, pair[1])
	}
	o.becomes("Pad", []string{o.in(0), o.ints(o.part("pads"), append(before, after...)...)})
}
