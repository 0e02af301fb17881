package estimate

import (
	"slices"
	"strings"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"
	attr "github.com/wamuir/graft/tensorflow/core/framework/attr_value_go_proto"
	tensorpb "github.com/wamuir/graft/tensorflow/core/framework/tensor_go_proto"
	shapepb "github.com/wamuir/graft/tensorflow/core/framework/tensor_shape_go_proto"
	dtype "github.com/wamuir/graft/tensorflow/core/framework/types_go_proto"

	"dtl-tf/graph"
	"dtl-tf/graph/expect"
	"dtl-tf/graph/memory"
	"dtl-tf/graph/tensor"
)

// chain is a run whose peak follows from its shapes alone (n rows, float32):
//
//	a = x A     [n, 300]    live until the sum at the end
//	b = a B     [n, 900]
//	c = tanh b              in place: b has no other use
//	d = c D     [n, 500]    a, c and d are live: the peak
//	e = d E     [n, 300]    c was released after d
//	sum         [n, 300]    a + e in place
func chain(n int) (g *tf.Graph, feeds []graph.Feed, sum tf.Output) {
	b := graph.New(graph.RecomputeNone)
	input := func(name string, rows, columns int) graph.Value {
		v := b.Placeholder(name, tf.Float, rows, columns)
		feeds = append(feeds, graph.Feed{Output: v.Output, Value: tensor.Zeros(rows, columns)})
		return v
	}
	product := func(name string, x graph.Value, columns int) graph.Value {
		return b.In(name).Linear(x, input("weight/"+name, x.Width(), columns), graph.Value{})
	}
	a := product("a", input("x", n, 100), 300)
	c := b.In("c").Tanh(product("b", a, 900))
	e := product("e", product("d", c, 500), 300)
	return b.Graph(), feeds, b.Add(a, e).Output
}

func outputs(feeds []graph.Feed) []tf.Output {
	list := make([]tf.Output, len(feeds))
	for i, f := range feeds {
		list[i] = f.Output
	}
	return list
}

var threads = graph.SessionOptions{Threads: 2}

func TestPeakOfShapes(t *testing.T) {
	const n = 200
	g, feeds, sum := chain(n)
	got, err := Peak(g, threads, outputs(feeds), []tf.Output{sum})
	if err != nil {
		t.Fatal(err)
	}
	if want := int64(4 * n * (900 + 500 + 300)); got.Peak != want || !strings.HasPrefix(got.Node, "d/") {
		t.Errorf("peak %d at %s, want %d at d", got.Peak, got.Node, want)
	}
	if want := int64(4 * n * 300); got.Left != want {
		t.Errorf("%d bytes left, want the fetched sum of %d", got.Left, want)
	}
}

// TestPeakOfTrace compares with the trace of an actual run.
func TestPeakOfTrace(t *testing.T) {
	g, feeds, sum := chain(300)
	told, err := Peak(g, threads, outputs(feeds), []tf.Output{sum})
	if err != nil {
		t.Fatal(err)
	}
	s, err := graph.NewSession(g, threads)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, trace, err := s.Trace(feeds, []tf.Output{sum})
	if err != nil {
		t.Fatal(err)
	}
	traced, err := memory.Replay(trace, nil)
	if err != nil {
		t.Fatal(err)
	}
	if scratch := traced.Peak - told.Peak; scratch < 0 || scratch > 64<<10 { // oneDNN's
		t.Errorf("estimate %d, trace %d", told.Peak, traced.Peak)
	}
}

func TestUnknownOp(t *testing.T) {
	n := &node{name: "x", op: "Betainc"}
	_, err := n.conduct()
	expect.Error(t, err, "node x", "Betainc")
}

// TestUnknownBatch: the peak of a graph for any number of images is not defined.
func TestUnknownBatch(t *testing.T) {
	b := graph.New(graph.RecomputeNone)
	x := b.Placeholder("x", tf.Float, graph.Unknown, 4)
	y := b.In("y").Tanh(x)
	_, err := Peak(b.Graph(), threads, []tf.Output{x.Output}, []tf.Output{y.Output})
	expect.Error(t, err, "known only when the graph runs")
}

// TestSchedule runs a node with two expensive and two cheap users. The thread keeps the cheap ones and hands the expensive ones to
// the pool, which runs the last one first; the user of the second cheap one is the thread's next.
func TestSchedule(t *testing.T) {
	make := func(name, op string) *node { return &node{name: name, op: op, outputs: []valueType{{}}} }
	source, early, late := make("source", "Mul"), make("early", "Exp"), make("late", "Exp")
	first, second, next := make("first", "Reshape"), make("second", "Identity"), make("next", "Exp")
	for _, n := range []*node{early, first, late, second} {
		n.inputs = []value{{source, 0}}
	}
	next.inputs = []value{{second, 0}}
	net := &network{nodes: []*node{source, early, first, late, second, next}}
	net.findUsers()
	var order []string
	for _, n := range net.schedule() {
		order = append(order, n.name)
	}
	if want := []string{"source", "first", "second", "next", "late", "early"}; !slices.Equal(order, want) {
		t.Errorf("order %v, want %v", order, want)
	}
}

// vector is a constant vector.
func vector(v ...int32) value {
	t := &tensorpb.TensorProto{Dtype: dtype.DataType_DT_INT32, IntVal: v, TensorShape: &shapepb.TensorShapeProto{Dim: []*shapepb.TensorShapeProto_Dim{{Size: int64(len(v))}}}}
	return value{from: &node{op: "Const", attrs: map[string]*attr.AttrValue{"value": {Value: &attr.AttrValue_Tensor{Tensor: t}}}}}
}

func TestConducts(t *testing.T) {
	floats := func(shape ...int) valueType { return valueType{tf.Float, shape} }
	of := func(op string, in, out valueType, more ...value) *node {
		from := &node{outputs: []valueType{in}}
		return &node{name: op, op: op, inputs: append([]value{{from, 0}}, more...), outputs: []valueType{out}}
	}
	unwritten := vector(0)
	unwritten.from.attrs["value"].GetTensor().IntVal = nil
	for name, c := range map[string]struct {
		n    *node
		want conduct
	}{
		"leading rows of 64 bytes":        {of("Slice", floats(8, 16), floats(4, 16), vector(4, 0), vector(4, 16)), passes},
		"leading rows of 48 bytes":        {of("Slice", floats(8, 12), floats(4, 12), vector(4, 0), vector(4, 12)), allocates},
		"columns":                         {of("Slice", floats(8, 16), floats(8, 8), vector(0, 0), vector(8, 8)), allocates},
		"a vector from 16 on":             {of("Slice", floats(64), floats(32), vector(16), vector(32)), passes},
		"a vector from 4 on":              {of("Slice", floats(64), floats(32), vector(4), vector(32)), allocates},
		"a vector from an unwritten 0 on": {of("Slice", floats(64), floats(32), unwritten, vector(32)), passes},
		"a transposition":                 {of("Transpose", floats(2, 3), floats(3, 2), vector(1, 0)), allocates},
		"a transposition of one row":      {of("Transpose", floats(1, 3), floats(3, 1), vector(1, 0)), passes},
		"a sum over an axis of length 1":  {of("Sum", floats(5, 1), floats(5), vector(1)), passes},
		"a sum":                           {of("Sum", floats(5, 2), floats(5), vector(1)), allocates},
		"one of this program's kernels":   {of("F32GeluGrad", floats(5), floats(5)), overwrites},
		"one that does not work in place": {of("F32LayerNorm", floats(5), floats(5)), allocates},
	} {
		if got, err := c.n.conduct(); err != nil || got != c.want {
			t.Errorf("%s: %d, error %v, want %d", name, got, err, c.want)
		}
	}
	halves := func(shape ...int) valueType { return valueType{tf.Bfloat16, shape} }
	product := of("MatMul", halves(2, 3), halves(2, 4), value{from: &node{outputs: []valueType{halves(3, 4)}}})
	if got := product.scratch(); got != 4*(2*3+3*4+2*4) {
		t.Errorf("a product of bfloat16 takes %d bytes, want float32 copies of its operands and result", got)
	}
	if product.oneDNN = true; product.scratch() != 0 {
		t.Errorf("a product by oneDNN takes %d bytes", product.scratch())
	}
	for name, c := range map[string]struct {
		axes []int32
		want int64
	}{
		"the last axis":  {[]int32{3}, 0},
		"outer and last": {[]int32{0, 3}, 0},
		"every second":   {[]int32{0, 2}, 4 * 2 * 3 * 4 * 5},
	} {
		if got := of("Sum", floats(2, 3, 4, 5), floats(1), vector(c.axes...)).scratch(); got != c.want {
			t.Errorf("sum over %s takes %d bytes, want %d", name, got, c.want)
		}
	}
}
