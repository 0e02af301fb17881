package graph

import (
	"fmt"
	"math/rand/v2"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph/tensor"
)

// TestLowPrecision holds values and gradients of every layer in bfloat16 and float16 against float32. A bfloat16 has 8
// significant bits, so a product of rounded factors is off by up to 2^-8 twice over, 0.8 %; sums do better. A float16 has
// 11.
func TestLowPrecision(t *testing.T) {
	for p, tolerance := range map[Precision]float64{BF16: 0.02, FP16: 0.0025} {
		t.Run(string(p), func(t *testing.T) { checkPrecision(t, p, tolerance) })
	}
}

func checkPrecision(t *testing.T, p Precision, tolerance float64) {
	for _, c := range gradientCases {
		t.Run(c.name, func(t *testing.T) {
			exact := evaluate(t, c, New(KeepAll))
			for how, b := range map[string]*Builder{"anywhere": New(KeepAll).Use(p), "on a processor": New(KeepAll).Use(p).For(Processor)} {
				rough := evaluate(t, c, b)
				for i := range exact {
					what := how + ": value"
					if i > 0 {
						what = fmt.Sprintf("%s: gradient of input %d", how, i-1)
					}
					compare(t, what, rough[i].Float32(), exact[i].Float32(), tolerance)
				}
			}
		})
	}
}

// evaluate gives the value of a case and the gradients of its inputs in a Builder's precision, as float32.
func evaluate(t *testing.T, c gradientCase, b *Builder) []tensor.Tensor {
	t.Helper()
	random := rand.New(rand.NewPCG(3, 5))
	var inputs []Value
	var feeds []Feed
	for i, shape := range c.inputs {
		in := b.Placeholder(fmt.Sprint("in", i), tf.Float, shape...)
		inputs = append(inputs, b.Leaf(in))
		feeds = append(feeds, Feed{Output: in.Output, Value: normal(random, shape...)})
	}
	y := c.build(b, inputs)
	fetches := []tf.Output{b.full(y).Output}
	dy := b.cast(b.Constant(normal(random, y.Shape...)), y.DataType())
	for i, g := range b.Backward(y, dy, inputs) {
		if g.DataType() != tf.Float {
			t.Errorf("gradient of input %d is of type %v, the input is float32", i, g.DataType())
		}
		fetches = append(fetches, g.Output)
	}
	s, err := NewSession(b.Graph(), SessionOptions{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	out, err := s.Run(feeds, fetches)
	if err != nil {
		t.Fatal(err)
	}
	return out
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
