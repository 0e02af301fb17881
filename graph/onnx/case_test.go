package onnx

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph"
	"dtl-tf/graph/expect"
	"dtl-tf/graph/tensor"
)

// layerCase is a graph of one input with an unknown batch.
type layerCase struct {
	name  string
	input []int          // without the batch
	ops   map[string]int // that the translation must have, besides others
	none  []string       // that it must not have
	build func(l *layers, x graph.Value) graph.Value
}

// layers builds a graph with weights.
type layers struct {
	*graph.Builder
	vars   *graph.Variables
	values tensor.Map
	random *rand.Rand
}

func (l *layers) weight(name string, shape ...int) graph.Value {
	v := tensor.Zeros(shape...)
	for i := range v.Float32() {
		v.Float32()[i] = float32(l.random.NormFloat64())
	}
	l.values[name] = v
	return l.vars.Declare(l.Builder, name, len(name)%2 == 0, shape...).Value // some train, as in an adapter
}

// op is a node of TensorFlow that no layer has.
func (l *layers) op(kind string, shape []int, inputs ...graph.Value) graph.Value {
	var list []tf.Input
	for _, in := range inputs {
		list = append(list, in.Output)
	}
	added, err := l.Graph().AddOperation(tf.OpSpec{Type: kind, Name: kind + strconv.Itoa(len(l.Graph().Operations())), Input: list})
	if err != nil {
		graph.Fail("%w", err)
	}
	return graph.Value{Output: added.Output(0), Shape: shape}
}

var rowsOf8 = []int{5, 8}

// layerCases have every rule, most by the layers of package graph that need it.
func layerCases() []layerCase {
	list := []layerCase{
		{"layer norm", rowsOf8, map[string]int{"LayerNormalization": 1}, []string{"ReduceMean", "Sub"}, func(l *layers, x graph.Value) graph.Value {
			return l.LayerNorm(x, l.weight("scale", 8), l.weight("bias", 8), 1e-5)
		}},
		{"layer norm read in the middle", rowsOf8, map[string]int{"LayerNormalization": 1, "ReduceMean": 1}, nil, func(l *layers, x graph.Value) graph.Value {
			y := l.LayerNorm(x, l.weight("scale", 8), l.weight("bias", 8), 1e-5)
			mean := l.Graph().Operation("layernorm/Mean")
			return l.Add(y, graph.Value{Output: mean.Output(0), Shape: y.Shape})
		}},
		{"almost a layer norm", rowsOf8, map[string]int{"ReduceMean": 2}, []string{"LayerNormalization"}, func(l *layers, x graph.Value) graph.Value {
			y := l.LayerNorm(x, l.weight("scale", 5, 8), l.weight("bias", 8), 1e-5)
			return l.Add(y, graph.Value{Output: l.Graph().Operation("layernorm/Mul").Output(0), Shape: y.Shape}) // keeps TensorFlow from fusing it
		}},
		{"gelu", rowsOf8, map[string]int{"Div": 1, "Erf": 1, "Mul": 2}, nil, func(l *layers, x graph.Value) graph.Value { return l.GELU(x) }},
		{"tanh gelu", rowsOf8, map[string]int{"Tanh": 1}, nil, func(l *layers, x graph.Value) graph.Value { return l.TanhGELU(x) }},
		{"swish", rowsOf8, map[string]int{"Sigmoid": 1}, nil, func(l *layers, x graph.Value) graph.Value { return l.Swish(x, 1.702) }},
		{"relu", rowsOf8, map[string]int{"Relu": 1}, nil, func(l *layers, x graph.Value) graph.Value { return l.ReLU(x) }},
		{"swiglu", rowsOf8, nil, nil, func(l *layers, x graph.Value) graph.Value { return l.SwiGLU(x, l.Tanh(x)) }},
		{"linear", rowsOf8, map[string]int{"Gemm": 1, "Reshape": 2}, []string{"Add"}, func(l *layers, x graph.Value) graph.Value {
			return l.Linear(x, l.weight("kernel", 8, 3), l.weight("bias", 3))
		}},
		{"linear twice", rowsOf8, map[string]int{"Gemm": 1, "MatMul": 1, "Reshape": 2}, nil, func(l *layers, x graph.Value) graph.Value {
			return l.Linear(l.AffineT(x, l.weight("kernel", 3, 8), l.weight("bias", 3)), l.weight("second", 3, 4), graph.Value{})
		}},
		{"linear transposed", rowsOf8, map[string]int{"Gemm": 1}, nil, func(l *layers, x graph.Value) graph.Value { return l.LinearT(x, l.weight("kernel", 3, 8)) }},
		{"reshaped weight", rowsOf8, nil, nil, func(l *layers, x graph.Value) graph.Value {
			return l.Linear(x, l.Reshape(l.weight("kernel", 8, 2, 3), 8, 6), l.Scale(l.weight("bias", 6), 3))
		}},
		{"attention", rowsOf8, map[string]int{"Softmax": 1, "Transpose": 4, "MatMul": 2}, nil, func(l *layers, x graph.Value) graph.Value {
			return l.Attention(x, l.Tanh(x), l.Scale(x, 0.5), 2)
		}},
		{"attention with biases", rowsOf8, nil, nil, func(l *layers, x graph.Value) graph.Value {
			windows := l.RepeatSamples(x, 2)
			return l.Attention(windows, windows, windows, 2, l.weight("bias", 2, 5, 5), l.weight("mask", 2, 1, 5, 5))
		}},
		{"rotary attention", rowsOf8, nil, nil, func(l *layers, x graph.Value) graph.Value {
			turns := &graph.Turns{Name: "turns", Angles: func() []float32 {
				return []float32{0, 0.1, 1, 2, 3, 4, -1, -2, 0.5, 0.7} // 5 tokens, 2 pairs
			}}
			return l.RotaryAttention(x, l.Tanh(x), x, 2, turns)
		}},
		{"patches", []int{4, 4, 3}, nil, nil, func(l *layers, x graph.Value) graph.Value { return l.Patches(x, 2) }},
		{"merged patches", []int{16, 3}, nil, nil, func(l *layers, x graph.Value) graph.Value { return l.MergePatches(x) }},
		{"tokens", rowsOf8, nil, nil, func(l *layers, x graph.Value) graph.Value {
			prompts := l.Repeat(l.weight("prompts", 1, 2, 8), x)
			return l.ConcatLast(l.ConcatTokens(prompts, x), l.ConcatTokens(l.SliceTokens(x, 3, 5), x))
		}},
		{"pooled", rowsOf8, nil, nil, func(l *layers, x graph.Value) graph.Value { return l.Add(l.MeanTokens(x, 1), l.Token(x, 4)) }},
		{"windows", []int{16, 8}, nil, nil, func(l *layers, x graph.Value) graph.Value {
			order := rand.New(rand.NewPCG(1, 1)).Perm(16)
			windows := l.Reshape(l.PermuteTokens(x, order), graph.Unknown, 4, 8)
			index := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 2, 3, 4, 5, 6}
			masks := make([]float32, 4*16)
			masks[17], masks[33] = -100, -100
			prompted := l.ConcatTokens(l.RepeatSamples(l.Repeat(l.weight("prompt", 1, 1, 8), x), 4), windows)
			y := l.Attention(prompted, prompted, prompted, 2, l.RelativeBias(l.weight("table", 9, 2), index, masks, 1))
			return l.MeanSamples(y, 4)
		}},
		{"element-wise", rowsOf8, nil, nil, func(l *layers, x graph.Value) graph.Value {
			y := l.AddRow(l.ScaleShift(x, l.weight("scale", 8), l.weight("shift", 8)), l.weight("row", 1, 5, 8))
			return l.Blend(y, l.ScaleChannels(x, l.weight("factors", 8)), l.weight("gate", 1), 0.7)
		}},
		{"division and extremes", rowsOf8, map[string]int{"Abs": 1, "Exp": 1, "Neg": 1, "Sqrt": 1, "Div": 1, "Max": 1, "Min": 1}, nil, func(l *layers, x graph.Value) graph.Value {
			size := l.op("Exp", x.Shape, l.op("Neg", x.Shape, l.op("Abs", x.Shape, x)))
			return l.op("Minimum", x.Shape, l.op("Maximum", x.Shape, l.op("RealDiv", x.Shape, x, l.op("Sqrt", x.Shape, size)), size), l.Tanh(x))
		}},
		{"sums", rowsOf8, map[string]int{"ReduceSum": 1}, nil, func(l *layers, x graph.Value) graph.Value {
			return l.op("Sum", []int{graph.Unknown, 8}, x, l.Constant(tensor.Scalar(int32(1))))
		}},
		{"order of execution", rowsOf8, nil, nil, func(l *layers, x graph.Value) graph.Value {
			filter := l.weight("filter", 8, 1, 3, 3)
			grid := l.Reshape(x, graph.Unknown, 5, 1, 8)
			return l.After(grid.Op).DepthwiseConv(grid, filter)
		}},
		{"transposes", rowsOf8, map[string]int{"Transpose": 1}, nil, func(l *layers, x graph.Value) graph.Value {
			cycle := func() graph.Value { return l.Constant(tensor.Must([]int32{1, 2, 0}, 3)) }
			return l.op("Transpose", []int{8, graph.Unknown, 5}, l.op("Transpose", []int{5, 8, graph.Unknown}, x, cycle()), cycle())
		}},
		{"padding", rowsOf8, map[string]int{"Pad": 1}, nil, func(l *layers, x graph.Value) graph.Value {
			return l.op("Pad", []int{graph.Unknown, 6, 10}, x, l.Constant(tensor.Must([]int32{0, 0, 1, 0, 0, 2}, 3, 2)))
		}},
		{"sigmoids", []int{8}, map[string]int{"Sigmoid": 1}, nil, func(l *layers, x graph.Value) graph.Value { return l.Sigmoids(x) }},
		{"probabilities", []int{8}, map[string]int{"Softmax": 1}, nil, func(l *layers, x graph.Value) graph.Value { return l.Probabilities(x) }},
		{"nothing of the input", rowsOf8, map[string]int{"Identity": 1}, nil, func(l *layers, x graph.Value) graph.Value { return l.Scale(l.weight("w", 2, 3), 2) }},
		{"the input itself", rowsOf8, map[string]int{"Identity": 1}, nil, func(l *layers, x graph.Value) graph.Value { return l.Alias(x) }},
	}
	for _, k := range []int{1, 3, 4, 5} { // even sides have more padding behind
		list = append(list, layerCase{"depth-wise convolution " + strconv.Itoa(k), []int{6, 7, 4}, map[string]int{"Conv": 1}, nil, func(l *layers, x graph.Value) graph.Value {
			return l.DepthwiseConv(x, l.weight("filter", 4, 1, k, k))
		}})
	}
	return list
}

// made is a case with its graph, its translation, an input and what TensorFlow makes of it.
type made struct {
	layerCase
	model *Model
	input tensor.Tensor
	want  tensor.Tensor
}

const caseBatch = 2

func (c layerCase) make(t *testing.T) (m made) {
	t.Helper()
	var err error
	defer func() {
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
	}()
	defer graph.Catch(&err)
	l := &layers{graph.New(graph.RecomputeNone), graph.NewVariables(), tensor.Map{}, rand.New(rand.NewPCG(7, uint64(len(c.name))))}
	x := l.Placeholder("x", tf.Float, slices.Concat([]int{graph.Unknown}, c.input)...)
	y := c.build(l, x)
	if m.model, err = Translate(Source{l.Builder, l.values, []Named{{"x", x}}, []Named{{"y", y}}}); err != nil {
		return m
	}
	m.layerCase, m.input = c, tensor.Zeros(slices.Concat([]int{caseBatch}, c.input)...)
	for i := range m.input.Float32() {
		m.input.Float32()[i] = float32(l.random.NormFloat64())
	}
	if c.name == "layer norm" {
		// TensorFlow fuses a single layer norm to an op whose epsilon is 0.001, whatever the graph says. Our kernel is the reference.
		l = &layers{graph.New(graph.RecomputeNone).For(graph.Processor), graph.NewVariables(), tensor.Map{}, rand.New(rand.NewPCG(7, uint64(len(c.name))))}
		x = l.Placeholder("x", tf.Float, slices.Concat([]int{graph.Unknown}, c.input)...)
		y = c.build(l, x)
	}
	session, err := graph.NewSession(l.Graph(), graph.SessionOptions{})
	if err != nil {
		return m
	}
	defer session.Close()
	if err = l.vars.Assign(session, l.values); err != nil {
		return m
	}
	out, err := session.Run([]graph.Feed{{Output: x.Output, Value: m.input}}, []tf.Output{y.Output})
	if err == nil {
		m.want = out[0]
	}
	return m
}

// close compares floats relative to the largest.
func closeTo(t *testing.T, name string, got, want []float32, tolerance float64) {
	t.Helper()
	if len(got) != len(want) || len(want) == 0 {
		t.Errorf("%s: %d values, want %d", name, len(got), len(want))
		return
	}
	scale := 1.0
	for _, v := range want {
		scale = max(scale, math.Abs(float64(v)))
	}
	for i, v := range want {
		if d := math.Abs(float64(got[i]) - float64(v)); !(d <= tolerance*scale) {
			t.Errorf("%s: value %d is %v, want %v", name, i, got[i], v)
			return
		}
	}
}

func encoded(t *testing.T, m *Model) []byte {
	t.Helper()
	var b writerOf
	expect.NoError(t, m.Write(&b))
	if int64(len(b)) != m.Size() {
		t.Errorf("%d bytes, Size says %d", len(b), m.Size())
	}
	return b
}

// writerOf collects what is written.
type writerOf []byte

func (w *writerOf) Write(p []byte) (int, error) { *w = append(*w, p...); return len(p), nil }
