package capi

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph/tensor"
)

// kernel runs one op on the given inputs and returns its result as float32, which is exact for bfloat16.
func kernel(t *testing.T, op string, attribute map[string]any, inputs ...tensor.Tensor) []float32 {
	t.Helper()
	out, err := runKernel(op, attribute, inputs...)
	if err != nil {
		t.Fatal(err)
	}
	return out.Float32()
}

func runKernel(op string, attribute map[string]any, inputs ...tensor.Tensor) (tensor.Tensor, error) {
	run, s, err := newKernel(op, attribute, inputs...)
	if err != nil {
		return tensor.Tensor{}, err
	}
	defer s.Close()
	return run()
}

// newKernel opens a session on one op. run computes the op on the inputs.
func newKernel(op string, attribute map[string]any, inputs ...tensor.Tensor) (run func() (tensor.Tensor, error), s *Session, err error) {
	if err := RegisterKernels(); err != nil {
		return nil, nil, err
	}
	SetKernelThreads(3)
	g := tf.NewGraph()
	spec := tf.OpSpec{Type: op, Name: "y", Attrs: attribute}
	var feeds []Feed
	for i, in := range inputs {
		dtype := tf.Float
		if _, ok := in.Data.([]tensor.BFloat16); ok {
			dtype = tf.Bfloat16
		}
		x, err := g.AddOperation(tf.OpSpec{Type: "Placeholder", Name: fmt.Sprint("x", i), Attrs: map[string]any{"dtype": dtype}})
		if err != nil {
			return nil, nil, err
		}
		spec.Input = append(spec.Input, x.Output(0))
		feeds = append(feeds, Feed{x.Output(0), in})
	}
	y, err := g.AddOperation(spec)
	if err != nil {
		return nil, nil, err
	}
	y, err = g.AddOperation(tf.OpSpec{Type: "Cast", Name: "wide", Input: []tf.Input{y.Output(0)}, Attrs: map[string]any{"DstT": tf.Float}})
	if err != nil {
		return nil, nil, err
	}
	s, err = NewSession(g, nil)
	if err != nil {
		return nil, nil, err
	}
	return func() (tensor.Tensor, error) {
		out, err := s.Run(feeds, []tf.Output{y.Output(0)}, nil, nil)
		if err != nil {
			return tensor.Tensor{}, err
		}
		return out[0], nil
	}, s, nil
}

// eachVariant runs a test with every kernel variant that this processor supports.
func eachVariant(t *testing.T, test func(t *testing.T)) {
	used, err := KernelVariant()
	if err != nil {
		t.Fatal(err)
	}
	defer useVariant(used)
	for _, name := range kernelVariants() {
		useVariant(name)
		t.Run(name, test)
	}
}

func wide(v tensor.BFloat16) float64 { return float64(math.Float32frombits(uint32(v) << 16)) }

// near tells whether got is want rounded to bfloat16. The tolerance is half a unit in the last place, at most 2^-8 of want, and
// 2^-20 of scale for rounding errors in float32 on the way. TensorFlow's threads flush numbers below 2^-126 to zero, operands of
// products included.
func near(got float32, want, scale float64) bool {
	return math.Abs(float64(got)-want) <= math.Abs(want)*0x1p-8*1.01+scale*0x1p-20+0x1p-122
}

func normalCDF(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }
func normalPDF(x float64) float64 { return math.Exp(-x*x/2) / math.Sqrt(2*math.Pi) }

// TestGELU compares GELU and its slope with Go's erfc for all finite bfloat16 numbers.
func TestGELU(t *testing.T) { eachVariant(t, testGELU) }

func testGELU(t *testing.T) {
	var x, dy []tensor.BFloat16
	for bits := range 1 << 16 {
		if v := tensor.BFloat16(bits); !math.IsNaN(wide(v)) && !math.IsInf(wide(v), 0) {
			x, dy = append(x, v), append(dy, 0xc040) // -3
		}
	}
	in := tensor.Must(x, len(x)/4, 4)
	y := kernel(t, "Bf16Gelu", nil, in)
	dx := kernel(t, "Bf16GeluGrad", nil, in, tensor.Must(dy, len(x)/4, 4))
	for i, v := range x {
		f := wide(v)
		if want := f * normalCDF(f); !near(y[i], want, 0) {
			t.Fatalf("GELU(%g) is %g, want %g", f, y[i], want)
		}
		pdf := 0.0 // f * normalPDF(f), which is 0 for large f
		if math.Abs(f) < 100 {
			pdf = f * normalPDF(f)
		}
		if want := -3 * (normalCDF(f) + pdf); !near(dx[i], want, 1e-30) {
			t.Fatalf("the slope of GELU at %g times -3 is %g, want %g", f, dx[i], want)
		}
	}
}

// bfloats is a tensor of normally distributed numbers times scale, rounded towards zero to bfloat16.
func bfloats(random *rand.Rand, scale float64, shape ...int) tensor.Tensor {
	data := make([]float32, tensor.Size(shape))
	for i := range data {
		data[i] = float32(scale * random.NormFloat64())
	}
	return narrow(data, shape...)
}

// narrow rounds numbers towards zero to bfloat16.
func narrow(data []float32, shape ...int) tensor.Tensor {
	short := make([]tensor.BFloat16, len(data))
	for i, v := range data {
		short[i] = tensor.BFloat16(math.Float32bits(v) >> 16)
	}
	return tensor.Must(short, shape...)
}

func floats(random *rand.Rand, mean, scale float64, shape ...int) tensor.Tensor {
	t := tensor.Zeros(shape...)
	for i := range t.Float32() {
		t.Float32()[i] = float32(mean + scale*random.NormFloat64())
	}
	return t
}

var half = map[string]any{"scale": float32(0.5)}

// TestSoftmax compares the kernel and its gradient with float64, for widths that are no multiples of 16 and for widely spread
// numbers.
func TestSoftmax(t *testing.T) { eachVariant(t, testSoftmax) }

func testSoftmax(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for _, width := range []int{1, 5, 16, 197, 1025} {
		for _, scale := range []float64{0.1, 3, 300} {
			in, grad := bfloats(random, scale, 3, 70, width), bfloats(random, 1, 3, 70, width)
			p := kernel(t, "Bf16Softmax", half, in)
			back := kernel(t, "Bf16SoftmaxGrad", half, narrow(p, in.Shape...), grad)
			x, dp := in.Data.([]tensor.BFloat16), grad.Data.([]tensor.BFloat16)
			for row := 0; row < len(x); row += width {
				largest, sum, dot := math.Inf(-1), 0.0, 0.0
				for i := row; i < row+width; i++ {
					largest = max(largest, wide(x[i])/2)
					dot += float64(p[i]) * wide(dp[i])
				}
				for i := row; i < row+width; i++ {
					sum += math.Exp(wide(x[i])/2 - largest)
				}
				for i := row; i < row+width; i++ {
					if want := math.Exp(wide(x[i])/2-largest) / sum; !near(p[i], want, want+1e-30) {
						t.Fatalf("width %d, scale %g: the softmax is %g, want %g", width, scale, p[i], want)
					}
					if want := float64(p[i]) * (wide(dp[i]) - dot) / 2; !near(back[i], want, float64(p[i])*4) {
						t.Fatalf("width %d, scale %g: the gradient is %g, want %g", width, scale, back[i], want)
					}
				}
			}
		}
	}
}

// TestSoftmaxOfNaN checks that NaN and infinity propagate through the softmax.
func TestSoftmaxOfNaN(t *testing.T) { eachVariant(t, testSoftmaxOfNaN) }

func testSoftmaxOfNaN(t *testing.T) {
	for name, bits := range map[string]tensor.BFloat16{"NaN": 0x7fc0, "-NaN": 0xffc0, "infinity": 0x7f80} {
		for at := range 20 {
			x := make([]tensor.BFloat16, 40)
			x[at] = bits
			out := kernel(t, "Bf16Softmax", half, tensor.Must(x, 2, 20))
			if !math.IsNaN(float64(out[at])) || !near(out[20], 1.0/20, 1) {
				t.Errorf("%s at %d: %g there, %g in the other row", name, at, out[at], out[20])
			}
		}
	}
}

// TestSwish compares value and slope with float64, for numbers on both sides of 0 and far from it.
func TestSwish(t *testing.T) { eachVariant(t, testSwish) }

func testSwish(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 1))
	for _, beta := range []float64{1, 100} {
		for _, scale := range []float64{0.01, 1, 50} {
			attribute := map[string]any{"beta": float32(beta)}
			in, grad := bfloats(random, scale, 50, 101), bfloats(random, 1, 50, 101)
			y, dx := kernel(t, "Bf16Swish", attribute, in), kernel(t, "Bf16SwishGrad", attribute, in, grad)
			for i, x := range in.Data.([]tensor.BFloat16) {
				v, dy := wide(x), wide(grad.Data.([]tensor.BFloat16)[i])
				s := 1 / (1 + math.Exp(-beta*v))
				if want := v * s; !near(y[i], want, math.Abs(want)+1e-28) {
					t.Fatalf("beta %g: swish(%g) is %g, want %g", beta, v, y[i], want)
				}
				// d(v s) = s + v s', and s' = beta s (1 - s).
				if want := dy * (s + v*beta*s*(1-s)); !near(dx[i], want, math.Abs(dy)) {
					t.Fatalf("beta %g: the slope of swish at %g times %g is %g, want %g", beta, v, dy, dx[i], want)
				}
			}
		}
	}
}

// TestAdd checks that the sum is rounded to the nearest float32.
func TestAdd(t *testing.T) { eachVariant(t, testAdd) }

func testAdd(t *testing.T) {
	random := rand.New(rand.NewPCG(6, 1))
	x, y := floats(random, 0, 1, 90, 501), bfloats(random, 1, 90, 501)
	for i, sum := range kernel(t, "Bf16Add", nil, x, y) {
		if want := float32(float64(x.Float32()[i]) + wide(y.Data.([]tensor.BFloat16)[i])); sum != want {
			t.Fatalf("sum %d is %g, want %g", i, sum, want)
		}
	}
}

// TestLayerNorm compares the kernel and its gradient with float64.
func TestLayerNorm(t *testing.T) { eachVariant(t, testLayerNorm) }

func testLayerNorm(t *testing.T) {
	const epsilon = 1e-6
	random := rand.New(rand.NewPCG(2, 1))
	for _, width := range []int{1, 7, 768} {
		for _, mean := range []float64{0, 20} {
			in, grad := floats(random, mean, 2, 2, 90, width), bfloats(random, 1, 2, 90, width)
			scale, bias := floats(random, 1, 0.5, width), floats(random, 0, 1, width)
			y := kernel(t, "Bf16LayerNorm", map[string]any{"epsilon": float32(epsilon)}, in, scale, bias)
			dx := kernel(t, "Bf16LayerNormGrad", map[string]any{"epsilon": float32(epsilon)}, in, scale, grad)
			x, dy := in.Float32(), grad.Data.([]tensor.BFloat16)
			for row := 0; row < len(x); row += width {
				wantY, wantDx := layerNorm(x[row:row+width], scale.Float32(), bias.Float32(), dy[row:row+width], epsilon)
				for i := range width {
					if !near(y[row+i], wantY[i], 40) {
						t.Fatalf("width %d, mean %g: %g, want %g", width, mean, y[row+i], wantY[i])
					}
					// With one value per row the variance is 0 and 1/sigma is 1000.
					if got := float64(dx[row+i]); math.Abs(got-wantDx[i]) > 2e-5*max(1, math.Abs(wantDx[i])) && width > 1 {
						t.Fatalf("width %d, mean %g: the gradient is %g, want %g", width, mean, got, wantDx[i])
					}
				}
			}
		}
	}
}

// layerNorm computes LayerNorm of a row, and its gradient by the chain rule through mean and variance.
func layerNorm(x, scale, bias []float32, dy []tensor.BFloat16, epsilon float64) (y, dx []float64) {
	n := float64(len(x))
	var mean, variance float64
	for _, v := range x {
		mean += float64(v) / n
	}
	for _, v := range x {
		variance += (float64(v) - mean) * (float64(v) - mean) / n
	}
	sigma := math.Sqrt(variance + epsilon)
	var dMean, dVariance float64
	for i, v := range x {
		g := wide(dy[i]) * float64(scale[i])
		y = append(y, (float64(v)-mean)/sigma*float64(scale[i])+float64(bias[i]))
		dVariance -= g * (float64(v) - mean) / (2 * sigma * sigma * sigma)
		dMean -= g / sigma
	}
	for i, v := range x {
		dx = append(dx, wide(dy[i])*float64(scale[i])/sigma+dVariance*2*(float64(v)-mean)/n+dMean/n)
	}
	return y, dx
}

// TestKernelsTogether runs kernels from many goroutines at once; one at a time gets the pool's threads.
func TestKernelsTogether(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 1))
	in := bfloats(random, 2, 400, 300)
	want := kernel(t, "Bf16Softmax", half, in)
	var callers sync.WaitGroup
	for range 8 {
		callers.Add(1)
		go func() {
			defer callers.Done()
			for range 20 {
				got, err := runKernel("Bf16Softmax", half, in)
				if err != nil || !slices.Equal(got.Float32(), want) {
					t.Error("a result differs from the first:", err)
					return
				}
			}
		}()
	}
	callers.Wait()
}

// TestKernelRefuses checks that inputs whose shapes do not match are errors.
func TestKernelRefuses(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 1))
	two, three := bfloats(random, 1, 2, 2), bfloats(random, 1, 2, 3)
	if out, err := runKernel("Bf16GeluGrad", nil, two, three); err == nil {
		t.Errorf("2 x 2 and 2 x 3 gave %v", out)
	}
	x, weights := floats(random, 0, 1, 2, 3), floats(random, 0, 1, 2)
	if out, err := runKernel("Bf16LayerNorm", map[string]any{"epsilon": float32(1e-6)}, x, weights, weights); err == nil {
		t.Errorf("rows of 3 with weights of 2 gave %v", out)
	}
	if out, err := runKernel("Bf16Gelu", nil, tensor.Must([]tensor.BFloat16{1})); err == nil {
		t.Errorf("a scalar gave %v", out)
	}
}
