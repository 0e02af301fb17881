package graph

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph/need"
	"dtl-tf/graph/tensor"
)

// TestLowPrecision compares values and gradients of every layer in bfloat16 and float16 with float32, within a rounding error
// bound that holds on every processor.
func TestLowPrecision(t *testing.T) {
	for _, p := range []Precision{BF16, FP16} {
		t.Run(string(p), func(t *testing.T) {
			usable(t, p)
			for _, c := range gradientCases {
				t.Run(c.name, func(t *testing.T) {
					exact, slopes := conditioned(t, c)
					for how, b := range map[string]*Builder{"anywhere": New(RecomputeNone).Use(p), "on a processor": New(RecomputeNone).Use(p).For(Processor)} {
						rounded(t, how, evaluate(t, c, b), exact, slopes, roundings, unit(p))
					}
				})
			}
		})
	}
}

// usable skips the test if TensorFlow can't compute in precision p on this machine.
func usable(t *testing.T, p Precision) {
	t.Helper()
	need.NoError(t, p.Usable())
}

// unit is the unit roundoff: the largest relative error of rounding a number to nearest, half a unit in the last place. There
// are 8 significant bits in bfloat16, 11 in float16 and 24 in float32.
func unit(p Precision) float64 {
	return map[Precision]float64{BF16: 0x1p-8, FP16: 0x1p-11, FP32: float32Unit}[p]
}

const float32Unit = 0x1p-24

// roundings is how often a number is rounded on its way through a layer. A matrix product rounds its operands and its result. A
// layer has at most two products in sequence in each direction (attention); with the roundings in between (the scaled query, the
// softmax, its slope) that makes six. The products accumulate in float32.
const roundings = 6

// rounded fails unless every element of got is within n roundings of want. slopes bounds the error of an element when every
// input has a relative error of 1 in the worst direction. It also covers sums that cancel, whose error has no bound
// relative to the result. Errors have random signs, so n of them grow as the square root of n.
//
// Where terms cancel exactly in low precision, as in the gradient of a token that attends to itself only, want still has the
// residue of n roundings in float32, relative to its largest element.
func rounded(t *testing.T, how string, got, want []tensor.Tensor, slopes [][]float64, n int, unit float64) {
	t.Helper()
	for i := range got {
		residue := 0.0
		if unit > float32Unit {
			for _, v := range want[i].Float32() {
				residue = max(residue, float64(n)*float32Unit*math.Abs(float64(v)))
			}
		}
		for j, v := range want[i].Float32() {
			bound := math.Sqrt(float64(n))*unit*(slopes[i][j]+math.Abs(float64(v))) + residue
			if off := math.Abs(float64(got[i].Float32()[j] - v)); !(off <= bound) {
				t.Errorf("%s: %s [%d] is %g, want %g: off by %.3g, rounding explains %.3g", how, result(i), j, got[i].Float32()[j], v, off, bound)
			}
		}
	}
}

// result names element i of what evaluate returns.
func result(i int) string {
	if i == 0 {
		return "value"
	}
	return fmt.Sprint("gradient of input ", i-1)
}

// conditioned is evaluate in float32 together with, for each element, the sum of |slope_j x_j| over all inputs x_j. The slopes
// come from finite differences.
func conditioned(t *testing.T, c gradientCase) (exact []tensor.Tensor, slopes [][]float64) {
	t.Helper()
	const step = 0x1p-8 // relative to the input
	run, inputs := prepare(t, c, New(RecomputeNone))
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

// evaluate returns the value of a case and the gradients of its inputs, computed in the Builder's precision, as float32.
func evaluate(t *testing.T, c gradientCase, b *Builder) []tensor.Tensor {
	t.Helper()
	run, _ := prepare(t, c, b)
	return run()
}

// prepare builds a case. run evaluates it at inputs; the last input is the gradient of the result.
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
	fetches := []tf.Output{b.widen(y).Output}
	dy := b.unary("Identity", feed("dy", 99, y.Shape)) // a fed value can't be fetched, and the gradient of a sum is dy itself
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

// TestKernelBytes checks that frozen kernels take two bytes per element in bfloat16 and are rounded to nearest.
func TestKernelBytes(t *testing.T) {
	for p, want := range map[Precision]int64{FP32: 4 * 6, BF16: 2 * 6, FP16: 2 * 6} {
		b := New(RecomputeNone).Use(p)
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
		// 1 + 2^-9 lies between the bfloat16 neighbours 1 and 1 + 2^-7, nearer to 1.
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
