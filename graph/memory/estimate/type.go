package estimate

import (
	"encoding/binary"
	"fmt"
	"slices"

	tf "github.com/wamuir/graft/tensorflow"
	tensorpb "github.com/wamuir/graft/tensorflow/core/framework/tensor_go_proto"
	dtype "github.com/wamuir/graft/tensorflow/core/framework/types_go_proto"

	"dtl-tf/graph/tensor"
)

// valueType is the element type and shape of a value.
type valueType struct {
	elements tf.DataType
	shape    []int
}

func (t valueType) bytes() int64 { return int64(tensor.Size(t.shape)) * int64(width(t.elements)) }

// sameSize tells whether a buffer for one type can hold the other: equal element types and numbers of elements.
func (t valueType) sameSize(other valueType) bool {
	return t.elements == other.elements && tensor.Size(t.shape) == tensor.Size(other.shape)
}

// width is the size of an element in bytes. A variable's handle counts nothing.
func width(t tf.DataType) int {
	switch t {
	case tf.Double, tf.Int64, tf.Uint64:
		return 8
	case tf.Float, tf.Int32, tf.Uint32:
		return 4
	case tf.Bfloat16, tf.Half, tf.Int16, tf.Uint16:
		return 2
	case tf.Bool, tf.Int8, tf.Uint8:
		return 1
	}
	return 0
}

// types returns the type of an output of the graph before it was rewritten. ok is false if it had no such output.
type types func(node string, output int) (t valueType, ok bool)

// typesOf returns the types of g, whose shapes TensorFlow has inferred.
func typesOf(g *tf.Graph) types {
	return func(node string, output int) (valueType, bool) {
		op := g.Operation(node)
		if op == nil || output >= op.NumOutputs() {
			return valueType{}, false
		}
		out := op.Output(output)
		dims, err := out.Shape().ToSlice()
		if err != nil { // of unknown rank
			return valueType{}, false
		}
		t := valueType{out.DataType(), make([]int, len(dims))}
		for i, d := range dims {
			t.shape[i] = int(d)
		}
		return t, true
	}
}

// infer sets the types of a node's outputs. TensorFlow keeps the name of a node that it replaces, so they are those of the node of
// that name in the graph before; those of a node that it added follow from its inputs.
func (n *node) infer(built types) error {
	for {
		t, ok := built(n.name, len(n.outputs))
		if !ok {
			break
		}
		n.outputs = append(n.outputs, t)
	}
	if len(n.outputs) == 0 && n.reads(0) {
		t, err := n.added()
		if err != nil {
			return err
		}
		n.outputs = []valueType{t}
	}
	for _, u := range n.users {
		if u.slot >= len(n.outputs) {
			return fmt.Errorf("node %s (%s): the shape of its output %d is unknown", n.name, n.op, u.slot)
		}
	}
	for _, t := range n.outputs {
		if slices.ContainsFunc(t.shape, func(d int) bool { return d < 0 }) {
			return fmt.Errorf("node %s (%s): its shape %v is known only when the graph runs", n.name, n.op, t.shape)
		}
	}
	return nil
}

// added is the type of the output of a node that TensorFlow added.
func (n *node) added() (valueType, error) {
	if n.op == "Const" {
		return constantType(n.attrs["value"].GetTensor()), nil
	}
	if len(n.inputs) > 0 {
		first := n.inputs[0].typ()
		switch n.op {
		case "AddN", "Identity", "Snapshot", "Neg", "Square", "Sqrt", "Rsqrt", "Reciprocal", "_UnaryOpsComposition":
			return first, nil
		case "Mul", "AddV2", "Sub", "RealDiv":
			return valueType{first.elements, broadcast(first.shape, n.inputs[1].typ().shape)}, nil
		case "Cast":
			return valueType{tf.DataType(n.attrs["DstT"].GetType()), first.shape}, nil
		case "Transpose":
			if axes, ok := n.inputs[1].constant(); ok {
				return valueType{first.elements, permuted(first.shape, axes)}, nil
			}
		case "Reshape":
			if shape, ok := n.inputs[1].constant(); ok {
				return valueType{first.elements, completed(shape, tensor.Size(first.shape))}, nil
			}
		}
	}
	return valueType{}, fmt.Errorf("node %s: TensorFlow added it, and the estimate does not know the shape of a %s", n.name, n.op)
}

func permuted(shape, axes []int) []int {
	out := make([]int, len(axes))
	for i, a := range axes {
		out[i] = shape[a]
	}
	return out
}

// completed replaces the dimension -1 of a shape with that many elements.
func completed(shape []int, elements int) []int {
	known := 1
	for _, d := range shape {
		if d > 0 {
			known *= d
		}
	}
	out := slices.Clone(shape)
	for i, d := range out {
		if d < 0 {
			out[i] = elements / known
		}
	}
	return out
}

// broadcast is the shape that two shapes broadcast to.
func broadcast(x, y []int) []int {
	if len(x) < len(y) {
		x, y = y, x
	}
	out := slices.Clone(x)
	for i, d := range y {
		if at := len(x) - len(y) + i; out[at] == 1 {
			out[at] = d
		}
	}
	return out
}

func constantType(t *tensorpb.TensorProto) valueType {
	out := valueType{elements: tf.DataType(t.GetDtype())}
	for _, d := range t.GetTensorShape().GetDim() {
		out.shape = append(out.shape, int(d.GetSize()))
	}
	return out
}

// constant returns the numbers of a constant vector of whole numbers. ok is false for other values.
func (v value) constant() (list []int, ok bool) {
	if v.from.op != "Const" {
		return nil, false
	}
	t := v.from.attrs["value"].GetTensor()
	raw := t.GetTensorContent()
	switch t.GetDtype() {
	case dtype.DataType_DT_INT32:
		for ; len(raw) >= 4; raw = raw[4:] {
			list = append(list, int(int32(binary.LittleEndian.Uint32(raw))))
		}
		for _, x := range t.GetIntVal() {
			list = append(list, int(x))
		}
	case dtype.DataType_DT_INT64:
		for ; len(raw) >= 8; raw = raw[8:] {
			list = append(list, int(binary.LittleEndian.Uint64(raw)))
		}
		for _, x := range t.GetInt64Val() {
			list = append(list, int(x))
		}
	default:
		return nil, false
	}
	size := tensor.Size(constantType(t).shape)
	if len(list) == 0 && size > 0 { // of zeros TensorFlow may write none
		list = append(list, 0)
	}
	for 0 < len(list) && len(list) < size { // the last stands for all that follow
		list = append(list, list[len(list)-1])
	}
	return list, true
}
