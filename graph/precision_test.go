package graph

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph/tensor"
)

// TestLowPrecision holds values and gradients of every layer in bfloat16 and float16 against float32, within what rounding
// can do on any processor.
func TestLowPrecision(t *testing.T) {
	for _, p := range []Precision{BF16, FP16} {
		t.Run(string(p), func(t *testing.T) {
			usable(t, p)
			for _, c := range gradientCases {
				t.Run(c.name, func(t *testing.T) {
					exact, slopes := conditioned(t, c)
					for how, b := range map[string]*Builder{"anywhere": New(KeepAll).Use(p), "on a processor": New(KeepAll).Use(p).For(Processor)} {
						rounded(t, how, evaluate(t, c, b), exact, slopes, roundings, unit(p))
					}
				})
			}
		})
	}
}

// usable skips a test of a precision that TensorFlow can't compute in here.
func usable(t *testing.T, p Precision) {
	t.Helper()
	if err := p.Usable(); err != nil {
		t.Skip("skipped: ", err)
	}
}

// unit is the unit roundoff, the largest relative error of rounding one number to nearest: half of the last of the
// significant bits, which are 8 in bfloat16, 11 in float16 and 24 in float32.
func unit(p Precision) float64 {
	return map[Precision]float64{BF16: 0x1p-8, FP16: 0x1p-11, FP32: 0x1p-24}[p]
}

// roundings of a number on its way through a layer. A product rounds its operands and its result, and a layer here has at most two
// products one behind the other in each direction (attention); what rounds in between (the scaled query, the softmax, its slope)
// makes six. The products' sums are kept in float32.
const roundings = 6

// vanishing is as good as 0: the kernels' exponential ends at e^-87, 2^-125.5, where TensorFlow's goes on to 0.
const vanishing = 0x1p-120

// rounded wants every number of got within n roundings of want. slopes say what a relative error of 1 in each input
// would do to it, were all of them against it: a bound for what cancels in sums too, where errors relative to the result have none.
// Errors have either sign, so that n of them add up as the root of n.
func rounded(t *testing.T, how string, got, want []tensor.Tensor, slopes [][]float64, n int, unit float64) {
	t.Helper()
	for i := range got {
		for j, v := range want[i].Float32() {
			room := math.Sqrt(float64(n))*unit*(slopes[i][j]+math.Abs(float64(v))) + vanishing
			if off := math.Abs(float64(got[i].Float32()[j] - v)); !(off <= room) {
				t.Errorf("%s: %s [%d] is %g, want %g: off by %.3g, rounding explains %.3g", how, result(i), j, got[i].Float32()[j], v, off, room)
			}
		}
	}
}

// result names what evaluate gives.
func result(i int) string {
	if i == 0 {
		return "value"
	}
	return fmt.Sprint("gradient of input ", i-1)
}

// conditioned is evaluate in float32, and for each number of it sum |slope_j x_j| over all inputs x_j, which are taken from
// finite differences.
func conditioned(t *testing.T, c gradientCase) (exact []tensor.Tensor, slopes [][]float64) {
	t.Helper()
	const step = 0x1p-8 // of a number itself
	run, inputs := prepare(t, c, New(KeepAll))
	exact = run()
	for _, e := range exact {
		slopes = append(slopes, make([]float64, len(e.Float32())))
	}
	for _, in := range inputs {
		x := in.Float32()
		for j, old := range x {
			x[j] = old * (1 + step)
			for i, moved := range run() {
				for k, v := range moved.Float32() {
					slopes[i][k] += math.Abs(float64(v-exact[i].Float32()[k])) / step
				}
			}
			x[j] = old
		}
	}
	return exact, slopes
}

// evaluate gives the value of a case and the gradients of its inputs in a Builder's precision, as float32.
func evaluate(t *testing.T, c gradientCase, b *Builder) []tensor.Tensor {
	t.Helper()
	run, _ := prepare(t, c, b)
	return run()
}

// prepare builds a case. run computes it for the values in inputs, the last of which is the gradient of the result.
func prepare(t *testing.T, c gradientCase, b *Builder) (run func() []tensor.Tensor, inputs []tensor.Tensor) {
	t.Helper()
	var leaves []Value
	var feeds []Feed
	feed := func(name string, seed int, shape []int) Value {
		in := b.Placeholder(name, tf.Float, shape...)
		inputs = append(inputs, normal(rand.New(rand.NewPCG(3, uint64(seed))), shape...))
		feeds = append(feeds, Feed{Output: in.Output, Value: inputs[len(inputs)-1]})
		return in
	}
	for i, shape := range c.inputs {
		leaves = append(leaves, b.Leaf(feed(fmt.Sprint("in", i), i, shape)))
	}
	y := c.build(b, leaves)
	fetches := []tf.Output{b.full(y).Output}
	dy := b.unary("Identity", feed("dy", 99, y.Shape)) // what is fed can't be fetched, and a sum hands its gradient on
	for i, g := range b.Backward(y, b.cast(dy, y.DataType()), leaves) {
		if g.DataType() != tf.Float {
			t.Errorf("gradient of input %d is of type %v, the input is float32", i, g.DataType())
		}
		fetches = append(fetches, g.Output)
	}
	s, err := NewSession(b.Graph(), SessionOptions{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return func() []tensor.Tensor {
		t.Helper()
		out, err := s.Run(feeds, fetches)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}, inputs
}

// TestKernelBytes holds frozen kernels to two bytes a number in bfloat16, and to the nearest bfloat16 in value.
func TestKernelBytes(t *testing.T) {
	for p, want := range map[Precision]int64{FP32: 4 * 6, BF16: 2 * 6, FP16: 2 * 6} {
		b := New(KeepAll).Use(p)
		vs := NewVariables()
		vs.DeclareKernel(b, "k", 2, 3)
		if got := vs.Bytes(); got != want {
			t.Errorf("%s: %d bytes, want %d", p, got, want)
		}
		s, err := NewSession(b.Graph(), SessionOptions{Threads: 2})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		// 1 + 2^-9 lies between the bfloat16 1 and 1 + 2^-7, nearer to 1.
		values := tensor.Map{"k": tensor.Must([]float32{1, 1 + 1.0/512, -3, 0.5, 256, 0}, 2, 3)}
		if err := vs.Assign(s, values); err != nil {
			t.Fatal(err)
		}
		got, err := vs.Read(s)
		if err != nil {
			t.Fatal(err)
		}
		rounded := []float32{1, 1, -3, 0.5, 256, 0}
		if p != BF16 {
			rounded = values["k"].Float32()
		}
		for i, v := range got["k"].Float32() {
			if v != rounded[i] {
				t.Errorf("%s: element %d is %v, want %v", p, i, v, rounded[i])
			}
		}
	}
}
