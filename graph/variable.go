package graph

import (
	"slices"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph/tensor"
)

// Variable is a tensor that lives in the session between runs.
type Variable struct {
	Name      string
	Shape     []int
	Trainable bool
	// Value is the variable as a layer uses it: a leaf of the tape if it trains, and behind
	// StopGradient if it is frozen.
	Value Value

	handle tf.Output
	read   tf.Output
	input  tf.Output
	assign *tf.Operation
}

// Variables is a set of variables with unique names, in the order of their declaration.
type Variables struct {
	list   []*Variable
	byName map[string]*Variable
}

// NewVariables is an empty set.
func NewVariables() *Variables { return &Variables{byName: map[string]*Variable{}} }

// Declare adds a float32 variable to the graph, or returns the one of that name.
func (vs *Variables) Declare(b *Builder, name string, trainable bool, shape ...int) *Variable {
	if v, ok := vs.byName[name]; ok {
		if v.Trainable != trainable || !slices.Equal(v.Shape, shape) {
			Fail("variable %s is declared twice: %v and %v", name, v.Shape, shape)
		}
		return v
	}
	b = (&Builder{shared: b.shared}).In("variable/" + name)
	dims := make([]int64, len(shape))
	for i, d := range shape {
		dims[i] = int64(d)
	}
	tfShape := tf.MakeShape(dims...)
	handle := b.operation("VarHandleOp", map[string]any{"dtype": tf.Float, "shape": tfShape, "shared_name": name})
	v := &Variable{Name: name, Shape: slices.Clone(shape), Trainable: trainable, handle: handle.Output(0)}
	read := b.node("ReadVariableOp", v.Shape, map[string]any{"dtype": tf.Float}, v.handle)
	v.read = read.Output
	if trainable {
		v.Value = b.Leaf(read)
	} else {
		v.Value = b.unary("StopGradient", read)
	}
	v.input = b.Placeholder("initial", tf.Float, shape...).Output
	v.assign = b.operation("AssignVariableOp", map[string]any{"dtype": tf.Float}, v.handle, v.input)
	vs.list = append(vs.list, v)
	vs.byName[name] = v
	return v
}

// All returns the variables in the order of their declaration.
func (vs *Variables) All() []*Variable { return vs.list }

// Lookup finds a variable by name.
func (vs *Variables) Lookup(name string) (*Variable, bool) {
	v, ok := vs.byName[name]
	return v, ok
}

// Elements counts the numbers that all variables hold.
func (vs *Variables) Elements() int {
	n := 0
	for _, v := range vs.list {
		n += tensor.Size(v.Shape)
	}
	return n
}
