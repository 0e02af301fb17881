package estimate

import (
	"fmt"
	"slices"
	"strings"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph"
	"dtl-tf/graph/capi"
	"dtl-tf/graph/tensor"
)

// conduct is what a kernel does with buffers.
type conduct int

const (
	unknown    conduct = iota
	allocates          // writes its outputs into new buffers
	overwrites         // writes into the buffer of an input of the same type and size if nobody else needs it, else into a new one
	passes             // its output is its first input's buffer
	existing           // its output exists before the run, or is held elsewhere, so that nothing may overwrite it
	update             // changes a variable and has no output
	assign             // makes its second input the value of a variable
)

// conducts are the ops whose kernels do the same for all shapes. See TensorFlow's kernels of these names: forward_input_or_allocate_output
// overwrites.
var conducts = index(map[conduct]string{
	existing: "_Arg Const ReadVariableOp VarHandleOp",
	passes:   "Bitcast ExpandDims Identity InplaceUpdate Reshape Snapshot Squeeze StopGradient",
	allocates: "_Retval NoOp Shape Size " +
		"BatchMatMulV2 FusedBatchMatMulV2 MatMul FusedMatMul ConcatV2 Empty Fill GatherV2 Pack Pad Range StatelessRandomUniform UnsortedSegmentSum " +
		"DepthwiseConv2dNative FusedDepthwiseConv2dNative DepthwiseConv2dNativeBackpropFilter DepthwiseConv2dNativeBackpropInput " +
		"Greater L2Loss Less LogicalAnd OneHot Swish ZerosLike",
	overwrites: "Abs Add AddN AddV2 BiasAdd Erf Exp Floor Log Maximum Minimum Mul Neg RealDiv Reciprocal Relu ReluGrad Rsqrt SelectV2 Sigmoid Sign Softmax Softplus " +
		"SoftmaxCrossEntropyWithLogits SparseSoftmaxCrossEntropyWithLogits Sqrt Square SquaredDifference Sub Tanh _UnaryOpsComposition",
	update: "AssignAddVariableOp AssignSubVariableOp ResourceApplyAdam",
	assign: "AssignVariableOp",
})

func index(ops map[conduct]string) map[string]conduct {
	byOp := map[string]conduct{}
	for c, list := range ops {
		for op := range strings.FieldsSeq(list) {
			byOp[op] = c
		}
	}
	return byOp
}

// conduct returns what the node's kernel does.
func (n *node) conduct() (conduct, error) {
	if c := conducts[n.op]; c != unknown {
		return c, nil
	}
	if _, ok := capi.Overwrites(n.op); ok {
		return overwrites, nil
	}
	if capi.IsKernel(n.op) {
		return allocates, nil
	}
	if len(n.inputs) > 0 && len(n.outputs) > 0 {
		in, out := n.inputs[0].typ(), n.outputs[0]
		same := allocates
		switch n.op {
		case "Cast": // from one type to another
			return allocates, nil
		case "Slice":
			if n.isView(in, out) {
				same = passes
			}
			return same, nil
		case "Transpose":
			if axes, ok := n.inputs[1].constant(); ok && keepsOrder(in.shape, axes) {
				same = passes
			}
			return same, nil
		case "Tile":
			if slices.Equal(in.shape, out.shape) {
				same = passes
			}
			return same, nil
		case "Max", "Mean", "Min", "Prod", "Sum":
			if tensor.Size(in.shape) == tensor.Size(out.shape) { // only axes of length 1
				same = passes
			}
			return same, nil
		case "Unpack":
			return allocates, nil
		}
	}
	return unknown, fmt.Errorf("node %s: the estimate does not know how much memory TensorFlow's op %s takes", n.name, n.op)
}

// candidates lists the inputs that a kernel may overwrite with output i, in the order in which it tries them.
func (n *node) candidates(output int) []int {
	if input, ok := capi.Overwrites(n.op); ok {
		return []int{input}
	}
	switch n.op {
	case "SoftmaxCrossEntropyWithLogits", "SparseSoftmaxCrossEntropyWithLogits": // the gradient overwrites the logits
		if output == 1 {
			return []int{0}
		}
		return nil
	case "SelectV2":
		return []int{1, 2}
	case "BiasAdd", "Softmax":
		return []int{0}
	}
	all := make([]int, len(n.inputs))
	for i := range all {
		all[i] = i
	}
	return all
}

// alignment is the alignment in bytes of a slice that shares its input's buffer (EIGEN_MAX_ALIGN_BYTES, which TensorFlow's builds set).
const alignment = 64

// isView tells whether a Slice shares its input's buffer: it takes all, or leading samples that are aligned
// (tensorflow/core/kernels/slice_op.cc and ops_util.h, IsDim0SliceAligned).
func (n *node) isView(in, out valueType) bool {
	switch {
	case slices.Equal(in.shape, out.shape):
		return true
	case len(in.shape) == 0 || !slices.Equal(in.shape[1:], out.shape[1:]):
		return false
	case len(in.shape) > 1:
		return valueType{in.elements, in.shape[1:]}.bytes()%alignment == 0
	}
	begin, ok := n.inputs[1].constant()
	size := width(in.elements)
	return ok && begin[0]*size%alignment == 0 && (begin[0]+out.shape[0])*size%alignment == 0
}

// keepsOrder tells whether a transposition moves only axes of length 1, so that the order in memory stays the same.
func keepsOrder(shape, axes []int) bool {
	before := -1
	for _, a := range axes {
		if shape[a] == 1 {
			continue
		}
		if a < before {
			return false
		}
		before = a
	}
	return true
}

// scratch is the memory in bytes that a kernel takes besides its outputs while it runs.
func (n *node) scratch() int64 {
	switch n.op {
	case "SoftmaxCrossEntropyWithLogits", "SparseSoftmaxCrossEntropyWithLogits":
		return n.outputs[0].bytes() // a number for each sample
	case "BatchMatMulV2", "MatMul":
		return n.widened()
	case "Max", "Mean", "Min", "Prod", "Sum":
		in := n.inputs[0].typ()
		if axes, ok := n.inputs[1].constant(); ok && alternations(in.shape, axes) > 3 {
			return in.bytes() // the input with the reduced axes last (tensorflow/core/kernels/reduction_ops_common.h)
		}
	}
	return 0
}

// widened is the float32 copies, in bytes, that Eigen's products of bfloat16 and float16 make of both operands and the result
// (tensorflow/core/kernels/matmul_op_impl.h, BaseBatchMatMulOp). oneDNN makes none, but has no such products on processors without
// AVX-512.
func (n *node) widened() int64 {
	if n.oneDNN || n.outputs[0].elements == tf.Float {
		return 0
	}
	bytes := int64(0)
	for _, t := range []valueType{n.inputs[0].typ(), n.inputs[1].typ(), n.outputs[0]} {
		bytes += int64(graph.FP32.Bytes()) * int64(tensor.Size(t.shape))
	}
	return bytes
}

// alternations is the number of groups of neighbouring axes that are all reduced or all kept. Axes of length 1 belong to any group.
func alternations(shape, axes []int) int {
	groups, started, reduced := 0, false, false
	for i, d := range shape {
		if d == 1 {
			continue
		}
		now := slices.Contains(axes, i) || slices.Contains(axes, i-len(shape))
		if !started || now != reduced {
			groups++
		}
		started, reduced = true, now
	}
	return groups
}
