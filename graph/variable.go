package graph

import (
	"fmt"
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

// Assign fills every variable from values, whose shapes must match; values may hold more.
func (vs *Variables) Assign(s *Session, values tensor.Map) error {
	for _, v := range vs.list {
		t, ok := values[v.Name]
		if !ok {
			return fmt.Errorf("tensor %s is missing", v.Name)
		}
		if !slices.Equal(t.Shape, v.Shape) {
			return fmt.Errorf("tensor %s has shape %v, wanted %v", v.Name, t.Shape, v.Shape)
		}
		if _, err := s.Run([]Feed{{Output: v.input, Value: t}}, nil, v.assign); err != nil {
			return fmt.Errorf("fill variable %s: %w", v.Name, err)
		}
	}
	return nil
}

// Read copies all variables out of the session.
func (vs *Variables) Read(s *Session) (tensor.Map, error) {
	values := tensor.Map{}
	for _, v := range vs.list { // one by one: together they would exist twice for a moment
		t, err := s.Run(nil, []tf.Output{v.read})
		if err != nil {
			return nil, fmt.Errorf("read variable %s: %w", v.Name, err)
		}
		values[v.Name] = t[0]
	}
	return values, nil
}

// Elements counts the numbers that all variables hold.
func (vs *Variables) Elements() int {
	n := 0
	for _, v := range vs.list {
		n += tensor.Size(v.Shape)
	}
	return n
}
