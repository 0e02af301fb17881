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
	// Value is the variable as layers use it: a leaf of the tape if it trains, behind StopGradient if it is frozen.
	Value Value

	dtype  tf.DataType // in which it is stored
	handle tf.Output
	read   tf.Output // as float32
	input  tf.Output // placeholder of assign
	assign *tf.Operation
}

// Variables is a set of variables with unique names, in order of declaration.
type Variables struct {
	list   []*Variable
	byName map[string]*Variable
}

// NewVariables returns an empty set.
func NewVariables() *Variables { return &Variables{byName: map[string]*Variable{}} }

// Declare adds a float32 variable to the graph, or returns the existing one of that name.
func (vs *Variables) Declare(b *Builder, name string, trainable bool, shape ...int) *Variable {
	return vs.declare(b, name, trainable, tf.Float, shape)
}

// DeclareKernel adds a frozen variable that is stored in the Builder's precision, which saves a cast in every step. Assign
// rounds to that precision, and Read returns the rounded values.
func (vs *Variables) DeclareKernel(b *Builder, name string, shape ...int) *Variable {
	return vs.declare(b, name, false, b.precision.DataType(), shape)
}

func (vs *Variables) declare(b *Builder, name string, trainable bool, dtype tf.DataType, shape []int) *Variable {
	if v, ok := vs.byName[name]; ok {
		if v.Trainable != trainable || v.dtype != dtype || !slices.Equal(v.Shape, shape) {
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
	handle := b.operation("VarHandleOp", map[string]any{"dtype": dtype, "shape": tfShape, "shared_name": name})
	v := &Variable{Name: name, Shape: slices.Clone(shape), Trainable: trainable, dtype: dtype, handle: handle.Output(0)}
	read := b.node("ReadVariableOp", v.Shape, map[string]any{"dtype": dtype}, v.handle)
	v.read = b.widen(read).Output
	if trainable {
		v.Value = b.Leaf(read)
	} else {
		v.Value = b.unary("StopGradient", read)
	}
	initial := b.Placeholder("initial", tf.Float, shape...)
	v.input = initial.Output
	v.assign = b.operation("AssignVariableOp", map[string]any{"dtype": dtype}, v.handle, b.cast(initial, dtype).Output)
	vs.list = append(vs.list, v)
	vs.byName[name] = v
	return v
}

// Set returns an op that assigns x to v. x has the shape of v.
func (v *Variable) Set(b *Builder, x Value) *tf.Operation { return v.change(b, "AssignVariableOp", x) }

// Add returns an op that adds x to v. x has the shape of v.
func (v *Variable) Add(b *Builder, x Value) *tf.Operation {
	return v.change(b, "AssignAddVariableOp", x)
}

func (v *Variable) change(b *Builder, kind string, x Value) *tf.Operation {
	b = b.In("change/" + v.Name)
	return b.operation(kind, map[string]any{"dtype": v.dtype}, v.handle, b.cast(x, v.dtype).Output)
}

// All returns the variables in order of declaration.
func (vs *Variables) All() []*Variable { return vs.list }

// Lookup finds a variable by name.
func (vs *Variables) Lookup(name string) (*Variable, bool) {
	v, ok := vs.byName[name]
	return v, ok
}

// Bytes is the size of all variables in bytes, as stored.
func (vs *Variables) Bytes() int64 {
	n := int64(0)
	for _, v := range vs.list {
		size := FP32.Bytes()
		if v.dtype != tf.Float {
			size = BF16.Bytes()
		}
		n += int64(size * tensor.Size(v.Shape))
	}
	return n
}

// Elements is the number of elements of all variables.
func (vs *Variables) Elements() int {
	n := 0
	for _, v := range vs.list {
		n += tensor.Size(v.Shape)
	}
	return n
}
