package graph

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph/capi"
	"dtl-tf/graph/tensor"
)

// Unknown marks a dimension that is known only when the graph runs: the batch, and the sides of the images that Resize takes.
const Unknown = -1

// Builder adds nodes to one graph. Builders derived by In and After share that graph. A Builder
// is not safe for concurrent use. Misuse (a wrong shape, an op that TensorFlow refuses) panics with
// a value that Catch turns into an error at the package boundary.
type Builder struct {
	*shared
	prefix string
	after  []*tf.Operation
	device Place   // where nodes run
	region *region // the region being built, or nil
}

type shared struct {
	graph       *tf.Graph
	names       map[string]int
	records     int // on the tape so far
	recompute   Recompute
	compact     int // values with the gradient of CompactGELU
	chunkValues int
	precision   Precision
	kernels     bool // whether the kernels of package capi may be used
	attends     bool // whether attention is one kernel in float32
	separates   bool // see ForXLA
	constants   map[string]Value
	scope       string // see Scoped
}

// New returns a Builder on an empty graph.
func New(r Recompute) *Builder {
	return &Builder{shared: &shared{
		graph: tf.NewGraph(), names: map[string]int{}, recompute: cmp.Or(r, RecomputeNone), chunkValues: DefaultChunk, precision: FP32, constants: map[string]Value{},
	}}
}

// Chunk overrides the chunk size that For chose, the number of values a region works on at a time.
func (b *Builder) Chunk(values int) *Builder {
	b.chunkValues = values
	return b
}

// Graph is the graph built so far.
func (b *Builder) Graph() *tf.Graph { return b.graph }

// In returns a Builder that puts its nodes below name, which makes traces readable.
func (b *Builder) In(name string) *Builder {
	c := *b
	c.prefix = b.prefix + name + "/"
	return &c
}

// Apart returns a Builder on the same graph that shares no nodes with b (see Shared), for another model in the graph.
func (b *Builder) Apart() *Builder {
	c, s := *b, *b.shared
	s.constants = map[string]Value{}
	c.shared = &s
	return &c
}

// Scoped returns a Builder like that of Apart whose nodes are below name, and whose new variables live in the session apart from those of
// other scopes, so that models with variables of the same names train in one session.
func (b *Builder) Scoped(name string) *Builder {
	c := b.Apart().In(name)
	c.scope = b.scope + name + "/"
	return c
}

// After returns a Builder whose nodes run only after the given operations.
func (b *Builder) After(ops ...*tf.Operation) *Builder {
	c := *b
	c.after = append(slices.Clone(b.after), ops...)
	return &c
}

// Value is the output of a node with its shape and, if a gradient can flow into it, its place on the tape.
type Value struct {
	tf.Output
	Shape []int
	tape  *record
}

// HasGradient tells whether a gradient can flow into v.
func (v Value) HasGradient() bool { return v.tape != nil }

// Bytes is the size of v, an input or a number of a training step. All its dimensions must be known.
func (v Value) Bytes() int64 {
	size := 4 // float32, int32
	switch v.DataType() {
	case tf.Uint8, tf.Bool:
		size = 1
	case tf.Bfloat16, tf.Half:
		size = 2
	case tf.Int64, tf.Double:
		size = 8
	}
	return int64(size * tensor.Size(v.Shape))
}

// Width is the last dimension of v.
func (v Value) Width() int { return v.Shape[len(v.Shape)-1] }

// Defined is false for the zero Value, which stands for "none" (a layer without bias, say).
func (v Value) Defined() bool { return v.Op != nil }

// IsUsed tells whether a node of the graph reads v or has a control dependency on it.
func (v Value) IsUsed() bool {
	if !v.Defined() {
		return false
	}
	used, err := capi.HasConsumers(v.Op)
	if err != nil {
		Fail("whether %s has consumers: %w", v.Op.Name(), err)
	}
	return used
}

// buildError is the panic value of this package.
type buildError struct{ err error }

func (e buildError) Error() string { return e.err.Error() }

// Fail aborts building with an error that Catch returns. Only code that builds graphs may call it.
func Fail(format string, args ...any) { panic(buildError{fmt.Errorf(format, args...)}) }

// Catch turns a panic of Fail into an error. Defer it at the package boundary:
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

// node adds one operation under a unique name and returns its first output, off the tape.
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
		Type: kind, Name: name, Attrs: attrs, Input: inputs, ControlDependencies: slices.Clone(b.after), Device: string(b.device),
	})
	if err != nil {
		Fail("add node %s: %w", name, err)
	}
	return op
}

// Placeholder is an input that every run feeds.
func (b *Builder) Placeholder(name string, dtype tf.DataType, shape ...int) Value {
	return b.In(name).node("Placeholder", slices.Clone(shape),
		map[string]any{"dtype": dtype, "shape": tf.MakeShape(dimensions(shape)...)})
}

// Constant is a small value stored in the graph itself; weights are variables (see Variables).
func (b *Builder) Constant(t tensor.Tensor) Value {
	// No control dependencies, so that Grappler can fold the constant wherever it is used.
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
	return flat, flat.Reshape(dimensions(t.Shape))
}

// dimensions is a shape as TensorFlow takes it.
func dimensions(shape []int) []int64 {
	dims := make([]int64, len(shape))
	for i, d := range shape {
		dims[i] = int64(d)
	}
	return dims
}

// scalar is a float32 constant. Like ints and vector, it adds one node per graph, place and value.
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

func (b *Builder) cached(key string, build func() Value) Value {
	key = string(b.device) + " " + key
	v, ok := b.constants[key]
	if !ok {
		v = build()
		b.constants[key] = v
	}
	return v
}

// Shared returns the value that build makes. All calls on one graph and place with the same key share the first one's nodes, which
// belong to no region and wait for nothing.
func (b *Builder) Shared(key string, build func(b *Builder) Value) Value {
	return b.cached("shared "+key, func() Value { return build(b.outside().In("shared/" + key)) })
}

// root is a Builder without prefix or dependencies, for nodes that the whole graph shares.
func (b *Builder) root() *Builder { return b.outside().In("const") }

// outside is a Builder at the same place without prefix, dependencies or region.
func (b *Builder) outside() *Builder { return &Builder{shared: b.shared, device: b.device} }

func (b *Builder) vector(v []float32) Value {
	return b.cached(fmt.Sprintf("v%v", v), func() Value { return b.root().Constant(tensor.Must(v, len(v))) })
}
