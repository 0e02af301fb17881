package graph

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph/tensor"
)

// gradientCase is a layer as a function of inputs that all get a gradient.
type gradientCase struct {
	name   string
	inputs [][]int // shapes
	build  func(b *Builder, in []Value) Value
	// noAddGradients is set if TensorFlow lacks a gradient for one of the nodes; only finite differences are compared then.
	noAddGradients bool
}

// gradientCases has every layer with a hand-written vector-Jacobian product.
var gradientCases = []gradientCase{
	{name: "linear", inputs: [][]int{{2, 3, 4}, {4, 5}, {5}}, build: func(b *Builder, in []Value) Value {
		return b.Linear(in[0], in[1], in[2])
	}},
	{name: "linear of a matrix", inputs: [][]int{{6, 4}, {4, 5}, {5}}, build: func(b *Builder, in []Value) Value {
		return b.Linear(in[0], in[1], in[2])
	}},
	{name: "linear transposed", inputs: [][]int{{2, 3, 4}, {5, 4}}, build: func(b *Builder, in []Value) Value {
		return b.LinearT(in[0], in[1])
	}},
	{name: "affine transposed", inputs: [][]int{{2, 3, 4}, {5, 4}, {5}}, build: func(b *Builder, in []Value) Value {
		return b.AffineT(in[0], in[1], in[2])
	}},
	{name: "scale and shift", inputs: [][]int{{2, 3, 4}, {4}, {4}}, build: func(b *Builder, in []Value) Value {
		return b.ScaleShift(in[0], in[1], in[2])
	}},
	{name: "scale and shift of a matrix", inputs: [][]int{{6, 4}, {4}, {4}}, build: func(b *Builder, in []Value) Value {
		return b.ScaleShift(in[0], in[1], in[2])
	}},
	{name: "blend", inputs: [][]int{{2, 3, 4}, {2, 3, 4}, {1}}, build: func(b *Builder, in []Value) Value {
		return b.Blend(in[0], in[1], in[2], 0.7)
	}},
	{name: "add", inputs: [][]int{{2, 3}, {2, 3}}, build: func(b *Builder, in []Value) Value { return b.Add(in[0], in[1]) }},
	{name: "add to itself", inputs: [][]int{{2, 3}}, build: func(b *Builder, in []Value) Value { return b.Add(in[0], in[0]) }},
	{name: "add row", inputs: [][]int{{2, 3, 4}, {4}}, build: func(b *Builder, in []Value) Value { return b.AddRow(in[0], in[1]) }},
	{name: "add positions", inputs: [][]int{{2, 3, 4}, {1, 3, 4}}, build: func(b *Builder, in []Value) Value { return b.AddRow(in[0], in[1]) }},
	{name: "scale", inputs: [][]int{{2, 3}}, build: func(b *Builder, in []Value) Value { return b.Scale(in[0], 0.3) }},
	{name: "mask", inputs: [][]int{{2, 3, 4}}, build: func(b *Builder, in []Value) Value {
		return b.MulMask(in[0], b.Constant(tensor.Must([]float32{0, 1.25}, 2, 1, 1)))
	}},
	{name: "layer norm", inputs: [][]int{{2, 3, 6}, {6}, {6}}, build: func(b *Builder, in []Value) Value {
		return b.LayerNorm(in[0], in[1], in[2], 1e-6)
	}},
	{name: "attention", inputs: [][]int{{2, 3, 4}, {2, 3, 4}, {2, 3, 4}}, build: func(b *Builder, in []Value) Value {
		return b.Attention(in[0], in[1], in[2], 2)
	}},
	{name: "attention with a bias", inputs: [][]int{{2, 3, 4}, {2, 3, 4}, {2, 3, 4}, {2, 3, 3}}, build: func(b *Builder, in []Value) Value {
		return b.Attention(in[0], in[1], in[2], 2, in[3])
	}},
	{name: "attention with a bias and masks", inputs: [][]int{{4, 3, 4}, {4, 3, 4}, {4, 3, 4}, {2, 3, 3}}, build: func(b *Builder, in []Value) Value {
		return b.Attention(in[0], in[1], in[2], 2, in[3], b.Constant(windowMasks))
	}},
	{name: "gelu", inputs: [][]int{{3, 5}}, build: func(b *Builder, in []Value) Value { return b.GELU(in[0]) }},
	{name: "swish", inputs: [][]int{{3, 5}}, build: func(b *Builder, in []Value) Value { return b.Swish(in[0], 2) }},
	{name: "tanh gelu", inputs: [][]int{{3, 5}}, build: func(b *Builder, in []Value) Value { return b.TanhGELU(in[0]) }},
	{name: "swiglu", inputs: [][]int{{3, 5}, {3, 5}}, build: func(b *Builder, in []Value) Value { return b.SwiGLU(in[0], in[1]) }},
	{name: "scale channels", inputs: [][]int{{2, 3, 4}, {4}}, build: func(b *Builder, in []Value) Value { return b.ScaleChannels(in[0], in[1]) }},
	{name: "scale rows", inputs: [][]int{{3, 4}, {3}}, build: func(b *Builder, in []Value) Value { return b.ScaleRows(in[0], in[1]) }},
	{name: "attention of one query", inputs: [][]int{{2, 1, 4}, {2, 3, 4}, {2, 3, 4}}, build: func(b *Builder, in []Value) Value {
		return b.Attention(in[0], in[1], in[2], 2)
	}},
	{name: "rotary attention", inputs: [][]int{{2, 3, 8}, {2, 3, 8}, {2, 3, 8}}, noAddGradients: true, build: func(b *Builder, in []Value) Value {
		return b.RotaryAttention(in[0], in[1], in[2], 2, &Turns{"turns", func() []float32 { return []float32{0, 0, 0.3, 2, -1, 4} }})
	}},
	{name: "rotary attention of one query", inputs: [][]int{{2, 1, 8}, {2, 3, 8}, {2, 3, 8}}, noAddGradients: true, build: func(b *Builder, in []Value) Value {
		return b.RotaryAttention(in[0], in[1], in[2], 2, &Turns{"turns", func() []float32 { return []float32{0, 0, 0.3, 2, -1, 4} }})
	}},
	{name: "unit", inputs: [][]int{{2, 3, 5}}, build: func(b *Builder, in []Value) Value { return b.Unit(in[0]) }},
	{name: "relu", inputs: [][]int{{3, 5}}, build: func(b *Builder, in []Value) Value { return b.ReLU(in[0]) }},
	{name: "tanh", inputs: [][]int{{3, 5}}, build: func(b *Builder, in []Value) Value { return b.Tanh(in[0]) }},
	{name: "slice tokens", inputs: [][]int{{2, 5, 3}}, build: func(b *Builder, in []Value) Value { return b.SliceTokens(in[0], 1, 3) }},
	{name: "concat tokens", inputs: [][]int{{2, 1, 3}, {2, 4, 3}}, build: func(b *Builder, in []Value) Value { return b.ConcatTokens(in[0], in[1]) }},
	{name: "concat along the last axis", inputs: [][]int{{2, 3, 1}, {2, 3, 2}}, build: func(b *Builder, in []Value) Value {
		return b.ConcatLast(in[0], in[1])
	}},
	{name: "mean of tokens", inputs: [][]int{{2, 5, 3}}, build: func(b *Builder, in []Value) Value { return b.MeanTokens(in[0], 2) }},
	{name: "mean of tokens for a product", inputs: [][]int{{2, 5, 3}}, build: func(b *Builder, in []Value) Value { return b.MeanOperand(in[0], 2) }},
	{name: "token", inputs: [][]int{{2, 5, 3}}, build: func(b *Builder, in []Value) Value { return b.Token(in[0], 2) }},
	{name: "repeat", inputs: [][]int{{1, 2, 3}, {4, 3}}, build: func(b *Builder, in []Value) Value {
		// Repeat uses only the shape of its second input; adding that input puts it on the tape.
		return b.AddRow(b.Repeat(in[0], in[1]), b.Reshape(in[1], 4, 1, 3))
	}},
	{name: "float", inputs: [][]int{{2, 6}, {6, 3}}, build: func(b *Builder, in []Value) Value {
		return b.Float(b.Linear(in[0], in[1], Value{}))
	}},
	{name: "reshape", inputs: [][]int{{2, 6}}, build: func(b *Builder, in []Value) Value { return b.Reshape(in[0], 3, 4) }},
	{name: "patches", inputs: [][]int{{2, 4, 4, 2}}, build: func(b *Builder, in []Value) Value { return b.Patches(in[0], 2) }},
	{name: "merged patches", inputs: [][]int{{2, 16, 3}}, build: func(b *Builder, in []Value) Value { return b.MergePatches(in[0]) }},
	{name: "permuted tokens", inputs: [][]int{{2, 4, 3}}, build: func(b *Builder, in []Value) Value {
		return b.PermuteTokens(in[0], []int{2, 0, 3, 1})
	}},
	{name: "repeated samples", inputs: [][]int{{2, 3, 4}}, build: func(b *Builder, in []Value) Value { return b.RepeatSamples(in[0], 3) }},
	{name: "mean of samples", inputs: [][]int{{6, 3, 4}}, build: func(b *Builder, in []Value) Value { return b.MeanSamples(in[0], 3) }},
	{name: "relative bias", inputs: [][]int{{5, 2}}, build: func(b *Builder, in []Value) Value {
		return b.RelativeBias(in[0], []int{1, 4, 0, 1}, nil, 0)
	}},
	{name: "relative bias with masks and an extra token", inputs: [][]int{{5, 2}}, build: func(b *Builder, in []Value) Value {
		return b.RelativeBias(in[0], []int{1, 4, 0, 1}, []float32{0, 0, 0, 0, 0, -1, -1, 0, 0, -2, 0, 0}, 1)
	}},
	{name: "attention with biases by window and head", inputs: [][]int{{4, 3, 4}, {4, 3, 4}, {4, 3, 4}, {2, 2, 3, 3}}, build: func(b *Builder, in []Value) Value {
		return b.Attention(in[0], in[1], in[2], 2, in[3])
	}},
	{name: "attention with trained masks", inputs: [][]int{{4, 3, 4}, {4, 3, 4}, {4, 3, 4}, {2, 1, 3, 3}}, build: func(b *Builder, in []Value) Value {
		return b.Attention(in[0], in[1], in[2], 2, in[3])
	}},
	{name: "rows", inputs: [][]int{{2, 3, 4}}, build: func(b *Builder, in []Value) Value { return b.Rows(in[0]) }},
	depthwiseCase(1), depthwiseCase(3), depthwiseCase(4), depthwiseCase(5),
	{name: "cross-entropy", inputs: [][]int{{3, 4}}, noAddGradients: true, build: func(b *Builder, in []Value) Value {
		return b.Reshape(b.CrossEntropy(in[0], b.Constant(tensor.Must([]int32{1, 3, 0}, 3)), Value{}), 1)
	}},
	{name: "soft cross-entropy", inputs: [][]int{{3, 4}}, noAddGradients: true, build: func(b *Builder, in []Value) Value {
		targets := []float32{0.1, 0.2, 0.3, 0.4, 1, 0, 0, 0, 0.25, 0.25, 0.4, 0.1}
		return b.Reshape(b.SoftCrossEntropy(in[0], b.Constant(tensor.Must(targets, 3, 4)), Value{}), 1)
	}},
	{name: "weighted cross-entropy", inputs: [][]int{{3, 4}}, noAddGradients: true, build: func(b *Builder, in []Value) Value {
		labels, weights := b.Constant(tensor.Must([]int32{1, 3, 0}, 3)), b.Constant(tensor.Must([]float32{0.5, 2, 1.25}, 3))
		return b.Reshape(b.CrossEntropy(in[0], labels, weights), 1)
	}},
	{name: "sigmoid cross-entropy", inputs: [][]int{{3, 4}}, build: func(b *Builder, in []Value) Value {
		targets := []float32{0, 1, 0, 0.4, 1, 0, 1, 1, 0.25, 0, 0, 0.1}
		return b.Reshape(b.SigmoidCrossEntropy(in[0], b.Constant(tensor.Must(targets, 3, 4))), 1)
	}},
}

func depthwiseCase(k int) gradientCase {
	return gradientCase{name: fmt.Sprintf("depthwise k=%d", k), inputs: [][]int{{2, 5, 5, 3}, {3, 1, k, k}},
		build: func(b *Builder, in []Value) Value { return b.DepthwiseConv(in[0], in[1]) }}
}

// TestGradients compares every layer's vector-Jacobian product with central finite differences and
// with TensorFlow's own gradients.
func TestGradients(t *testing.T) {
	for _, c := range gradientCases {
		t.Run(c.name, func(t *testing.T) { checkGradient(t, c, New(RecomputeNone)) })
	}
}

func checkGradient(t *testing.T, c gradientCase, b *Builder) {
	random := rand.New(rand.NewPCG(7, 11))
	inputs := make([]Value, len(c.inputs))
	values := make([]tensor.Tensor, len(c.inputs))
	outputs := make([]tf.Output, len(c.inputs))
	for i, shape := range c.inputs {
		inputs[i] = b.Leaf(b.Placeholder(fmt.Sprint("in", i), tf.Float, shape...))
		outputs[i] = inputs[i].Output
		values[i] = normal(random, shape...)
	}
	y := c.build(b, inputs)
	if tensor.Size(y.Shape) < 1 {
		t.Fatalf("output shape %v", y.Shape)
	}
	dy := normal(random, y.Shape...)
	grads := b.Backward(y, b.Constant(dy), inputs)

	fetches := []tf.Output{y.Output}
	for _, g := range grads {
		fetches = append(fetches, g.Output)
	}
	if !c.noAddGradients {
		loss := b.reduce("Sum", b.mul(y, b.Constant(dy)), false, axes(y)...)
		theirs, err := b.Graph().AddGradients("check", []tf.Output{loss.Output}, outputs, nil)
		if err != nil {
			t.Fatal(err)
		}
		fetches = append(fetches, theirs...)
	}
	s, err := NewSession(b.Graph(), SessionOptions{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	run := func(fetches []tf.Output) []tensor.Tensor {
		var feeds []Feed
		for i := range inputs {
			feeds = append(feeds, Feed{Output: inputs[i].Output, Value: values[i]})
		}
		out, err := s.Run(feeds, fetches)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	got := run(fetches)
	if want := y.Shape; fmt.Sprint(got[0].Shape) != fmt.Sprint(want) {
		t.Errorf("forward pass has shape %v, the builder says %v", got[0].Shape, want)
	}
	weighted := func() float64 {
		out, sum := run(fetches[:1])[0].Float32(), 0.0
		for i, v := range out {
			sum += float64(v) * float64(dy.Float32()[i])
		}
		return sum
	}
	for i := range inputs {
		ours := got[1+i].Float32()
		if !c.noAddGradients {
			compare(t, fmt.Sprintf("input %d against AddGradients", i), ours, got[1+len(inputs)+i].Float32(), 2e-5)
		}
		numeric := make([]float32, len(ours))
		const step = 1e-2
		for j := range numeric {
			x := values[i].Float32()
			old := x[j]
			x[j] = old + step
			up := weighted()
			x[j] = old - step
			down := weighted()
			x[j] = old
			numeric[j] = float32((up - down) / (2 * step))
		}
		compare(t, fmt.Sprintf("input %d against finite differences", i), ours, numeric, 3e-3)
	}
}

// compare fails unless max|got - want| <= tolerance * max|want|.
func compare(t *testing.T, what string, got, want []float32, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d numbers, want %d", what, len(got), len(want))
		return
	}
	worst, size := 0.0, 1e-3
	for i := range want {
		worst = math.Max(worst, math.Abs(float64(got[i]-want[i])))
		size = math.Max(size, math.Abs(float64(want[i])))
	}
	if !(worst <= tolerance*size) {
		t.Errorf("%s: off by %.3g of %.3g (tolerance %.1g)\n got %v\nwant %v", what, worst, size, tolerance, got, want)
	}
}

func normal(random *rand.Rand, shape ...int) tensor.Tensor {
	t := tensor.Zeros(shape...)
	for i := range t.Float32() {
		t.Float32()[i] = float32(random.NormFloat64())
	}
	return t
}

func axes(v Value) []int {
	list := make([]int, len(v.Shape))
	for i := range list {
		list[i] = i
	}
	return list
}
