package onnx

import "dtl-tf/graph/tensor"

// Model is an ONNX model. Its fields are those of ONNX's messages that this package writes.
type Model struct {
	Producer, Version string // the program that wrote the model
	Name              string // of the graph
	Doc               string
	Metadata          map[string]string

	Inputs, Outputs []Port
	Nodes           []Node
	Constants       []Constant // "initializers"
}

// Port is an input or output of the model.
type Port struct {
	Name  string
	Type  Type
	Shape []int // graph.Unknown is the batch
}

// Node is an operation on values, which have names.
type Node struct {
	Op              string
	Inputs, Outputs []string
	Attributes      []Attribute
}

// Attribute is a named setting of a node: an int64, an []int64 or a float32.
type Attribute struct {
	Name  string
	Value any
}

// Constant is a value that is stored in the file: float32 or int64.
type Constant struct {
	Name  string
	Value tensor.Tensor
}

// Type is an element type of ONNX (TensorProto.DataType).
type Type int

// The types that this package writes.
const (
	Float Type = 1
	Uint8 Type = 2
	Int64 Type = 7
)

func (c Constant) elementType() Type {
	if c.Value.Float32() != nil {
		return Float
	}
	return Int64
}

// bytes is the size of the value.
func (c Constant) bytes() int64 {
	if c.elementType() == Float {
		return 4 * int64(tensor.Size(c.Value.Shape))
	}
	return 8 * int64(tensor.Size(c.Value.Shape))
}
