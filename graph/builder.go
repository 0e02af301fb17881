package graph

import (
	"fmt"
	"reflect"
	"slices"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph/capi"
	"dtl-tf/graph/tensor"
)

// Unknown marks a dimension that is known only when the graph runs. Only the batch may be, and the sides that
// Resize takes.
const Unknown = -1

// Builder adds nodes to one graph. Builders derived by In and After share the graph. A Builder
// is not safe for concurrent use. Misuse (a wrong shape, an op TensorFlow refuses) panics with
// a value that Catch turns into an error at the edge.
type Builder struct {
	*shared
	prefix string
	after  []*tf.Operation
	region *region // that is being built, or nil
}

type shared struct {
	graph       *tf.Graph
	names       map[string]int
	records     int
	recompute   Recompute
	chunkValues int
	precision   Precision
	kernels     bool // of package capi may be used
	constants   map[string]Value
}

// New returns a Builder on an empty graph.
func New(r Recompute) *Builder {
	return &Builder{shared: &shared{
		graph: tf.NewGraph(), names: map[string]int{}, recompute: r, chunkValues: DefaultChunk, precision: FP32, constants: map[string]Value{},
	}}
}

// Chunk sets how many values a region works on at a time, instead of what For chose.
func (b *Builder) Chunk(values int) *Builder {
	b.chunkValues = values
	return b
}

// Graph is the graph built so far.
func (b *Builder) Graph() *tf.Graph { return b.graph }

// In returns a Builder whose nodes are named below name, so that a trace can be read.
func (b *Builder) In(name string) *Builder {
	c := *b
	c.prefix = b.prefix + name + "/"
	return &c
}

// After returns a Builder whose nodes run only after the given operations.
func (b *Builder) After(ops ...*tf.Operation) *Builder {
	c := *b
	c.after = append(slices.Clone(b.after), ops...)
	return &c
}

// Value is the output of a node with its shape, and the way a gradient takes from it.
type Value struct {
	tf.Output
	Shape []int
	tape  *record
}

// HasGradient tells whether a gradient can flow into v.
func (v Value) HasGradient() bool { return v.tape != nil }

// Width is the last dimension of v.
func (v Value) Width() int { return v.Shape[len(v.Shape)-1] }

// Defined tells v from the zero Value, which stands for "none" (a layer without bias, say).
func (v Value) Defined() bool { return v.Op != nil }

// IsUsed tells whether a node of the graph reads v or waits for it.
func (v Value) IsUsed() bool { return v.Defined() && capi.IsAwaited(v.Op) }

// buildError is what the panics of this package carry.
type buildError struct{ err error }

func (e buildError) Error() string { return e.err.Error() }

// Fail stops building with an error. It is for code that builds graphs, and is caught by Catch.
func Fail(format string, args ...any) { panic(buildError{fmt.Errorf(format, args...)}) }

// Catch turns a building panic into an error. Use it deferred at the edge:
//
//	defer graph.Catch(&err)
func Catch(err *error) {
	switch r := recover().(type) {
	case nil:
	case buildError:
		*err = r.err
	default:
		panic(r)
	}
}

// node adds one operation of a unique name and returns its first output, without tape.
func (b *Builder) node(kind string, shape []int, attrs map[string]any, inputs ...tf.Input) Value {
	return Value{Output: b.operation(kind, attrs, inputs...).Output(0), Shape: shape}
}

func (b *Builder) operation(kind string, attrs map[string]any, inputs ...tf.Input) *tf.Operation {
	name := b.prefix + kind
	n := b.names[name]
	b.names[name] = n + 1
	if n > 0 {
		name = fmt.Sprintf("%s_%d", name, n)
	}
	op, err := b.graph.AddOperation(tf.OpSpec{
		Type: kind, Name: name, Attrs: attrs, Input: inputs, ControlDependencies: slices.Clone(b.after),
	})
	if err != nil {
		Fail("add node %s: %w", name, err)
	}
	return op
}

// Placeholder is an input to be fed in each run.
func (b *Builder) Placeholder(name string, dtype tf.DataType, shape ...int) Value {
	dims := make([]int64, len(shape))
	for i, d := range shape {
		dims[i] = int64(d)
	}
	return b.In(name).node("Placeholder", slices.Clone(shape),
		map[string]any{"dtype": dtype, "shape": tf.MakeShape(dims...)})
}

// Constant is a small value baked into the graph; weights are variables (see Variables).
func (b *Builder) Constant(t tensor.Tensor) Value {
	// Constants wait for nothing: Grappler can fold them wherever they are used.
	c := *b
	c.after = nil
	value, err := constantTensor(t)
	if err != nil {
		Fail("constant: %w", err)
	}
	return c.node("Const", slices.Clone(t.Shape), map[string]any{"dtype": value.DataType(), "value": value})
}

func constantTensor(t tensor.Tensor) (*tf.Tensor, error) {
	if len(t.Shape) == 0 { // Reshape takes no scalar
		return tf.NewTensor(reflect.ValueOf(t.Data).Index(0).Interface())
	}
	flat, err := tf.NewTensor(t.Data)
	if err != nil {
		return nil, err
	}
	dims := make([]int64, len(t.Shape))
	for i, d := range t.Shape {
		dims[i] = int64(d)
	}
	return flat, flat.Reshape(dims)
}

// scalar and ints are the constants that layers need all the time, made once a graph.
func (b *Builder) scalar(v float64) Value {
	return b.cached(fmt.Sprintf("f%v", v), func() Value { return b.root().Constant(tensor.Scalar(float32(v))) })
}

func (b *Builder) ints(v ...int) Value {
	return b.cached(fmt.Sprintf("i%v", v), func() Value {
		data := make([]int32, len(v))
		for i, x := range v {
			data[i] = int32(x)
		}
		return b.root().Constant(tensor.Must(data, len(v)))
	})
}

func (b *Builder) cached(key string, make func() Value) Value {
	v, ok := b.constants[key]
	if !ok {
		v = make()
		b.constants[key] = v
	}
	return v
}

// root is the Builder without name or dependencies, for what is shared by the whole graph.
func (b *Builder) root() *Builder { return &Builder{shared: b.shared, prefix: "const/"} }

func (b *Builder) vector(v []float32) Value {
	return b.cached(fmt.Sprintf("v%v", v), func() Value { return b.root().Constant(tensor.Must(v, len(v))) })
}
