package capi

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph/tensor"
)

// attentionOutputs runs an op of attention on q, k, v and, for the gradients, dy.
func attentionOutputs(t *testing.T, op string, heads int, scale float32, inputs ...tensor.Tensor) [][]float32 {
	t.Helper()
	out, err := runAttention(op, heads, scale, inputs...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func runAttention(op string, heads int, scale float32, inputs ...tensor.Tensor) ([][]float32, error) {
	if err := RegisterKernels(); err != nil {
		return nil, err
	}
	SetKernelThreads(3)
	g := tf.NewGraph()
	spec := tf.OpSpec{Type: op, Name: "y", Attrs: map[string]any{"scale": scale, "heads": int64(heads)}}
	var feeds []Feed
	for i, in := range inputs {
		x, err := g.AddOperation(tf.OpSpec{Type: "Placeholder", Name: fmt.Sprint("x", i), Attrs: map[string]any{"dtype": tf.Float}})
		if err != nil {
			return nil, err
		}
		spec.Input = append(spec.Input, x.Output(0))
		feeds = append(feeds, Feed{x.Output(0), in})
	}
	y, err := g.AddOperation(spec)
	if err != nil {
		return nil, err
	}
	s, err := NewSession(g, nil)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	var fetches []tf.Output
	for i := range y.NumOutputs() {
		fetches = append(fetches, y.Output(i))
	}
	out, err := s.Run(feeds, fetches, nil, nil)
	if err != nil {
		return nil, err
	}
	var list [][]float32
	for _, o := range out {
		list = append(list, o.Float32())
	}
	return list, nil
}

// slowHead is one head of one sample in float64: tokens x width, values a token apart by pitch.
type slowHead struct {
	tokens, width, pitch int
	scale                float64
	q, k, v, dy          []float32
}

func (h slowHead) dot(x, y []float32, i, j int, of func(float64) float64) (sum float64) {
	for c := range h.width {
		sum += of(float64(x[i*h.pitch+c]) * float64(y[j*h.pitch+c]))
	}
	return sum
}

// compute calls see with y, dq, dk, dv of each token and channel, and with what their rounding errors are relative to: the sums of the
// magnitudes of their terms.
func (h slowHead) compute(see func(output, token, channel int, want, size float64)) {
	same := func(x float64) float64 { return x }
	n := h.tokens
	p, ds, dsSize := make([]float64, n*n), make([]float64, n*n), make([]float64, n*n)
	for i := range n {
		largest, sum, dot, dotSize := math.Inf(-1), 0.0, 0.0, 0.0
		row := p[i*n:][:n]
		for j := range row {
			row[j] = h.scale * h.dot(h.q, h.k, i, j, same)
			largest = max(largest, row[j])
		}
		for j := range row {
			row[j] = math.Exp(row[j] - largest)
			sum += row[j]
		}
		for j := range row {
			row[j] /= sum
			dot += row[j] * h.dot(h.dy, h.v, i, j, same)
			dotSize += row[j] * h.dot(h.dy, h.v, i, j, math.Abs)
		}
		for j := range row {
			ds[i*n+j] = h.scale * row[j] * (h.dot(h.dy, h.v, i, j, same) - dot)
			dsSize[i*n+j] = h.scale * row[j] * (h.dot(h.dy, h.v, i, j, math.Abs) + dotSize)
		}
	}
	for i := range n {
		for c := range h.width {
			var want, size [4]float64
			add := func(output int, weight, weightSize float64, x float32) {
				want[output] += weight * float64(x)
				size[output] += weightSize * math.Abs(float64(x))
			}
			for j := range n {
				add(0, p[i*n+j], p[i*n+j], h.v[j*h.pitch+c])
				add(1, ds[i*n+j], dsSize[i*n+j], h.k[j*h.pitch+c])
				add(2, ds[j*n+i], dsSize[j*n+i], h.q[j*h.pitch+c])
				add(3, p[j*n+i], p[j*n+i], h.dy[j*h.pitch+c])
			}
			for output := range want {
				see(output, i, c, want[output], size[output])
			}
		}
	}
}

// TestAttention compares attention and its gradients with float64, for numbers of tokens and widths of heads that are and are not
// multiples of the vectors' and of the rows computed at a time.
func TestAttention(t *testing.T) { eachVariant(t, testAttention) }

func testAttention(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 1))
	for _, c := range []struct{ samples, tokens, heads, width int }{{1, 197, 2, 64}, {1, 1, 3, 8}, {2, 50, 2, 20}, {1, 97, 1, 33}, {1, 48, 2, 32}, {3, 5, 1, 1}} {
		d := c.heads * c.width
		scale := float32(1 / math.Sqrt(float64(c.width)))
		var in [4]tensor.Tensor
		for i := range in {
			in[i] = floats(random, 0, 1.5, c.samples, c.tokens, d)
		}
		got := append(attentionOutputs(t, "F32Attention", c.heads, scale, in[0], in[1], in[2]), attentionOutputs(t, "F32AttentionGrad", c.heads, scale, in[:]...)...)
		// A score is a sum of width products, whose error is at most (width + 1) u of the sum of their magnitudes, which stays below
		// 2.25 width 2 (normal numbers of deviation 1.5, twice their mean magnitude 2/pi and more); the softmax is off by twice that, plus
		// 3e-7 of the exponential and tokens u of its sum. Products with it add up to width + tokens roundings.
		u := 0x1p-24
		roundings := u*float64(c.width+1)*float64(scale)*4.5*float64(c.width)*2 + 6e-7 + u*float64(2*c.tokens+c.width+8)
		for item := range c.samples * c.heads {
			from := item/c.heads*c.tokens*d + item%c.heads*c.width
			h := slowHead{c.tokens, c.width, d, float64(scale), in[0].Float32()[from:], in[1].Float32()[from:], in[2].Float32()[from:], in[3].Float32()[from:]}
			worst := 0.0
			h.compute(func(output, token, channel int, want, size float64) {
				off := math.Abs(float64(got[output][from+token*d+channel])-want) / (size*roundings + 1e-30)
				if worst = max(worst, off); !(off <= 1) {
					t.Errorf("%+v: output %d of head %d, token %d, channel %d is %g, want %g", c, output, item, token, channel, got[output][from+token*d+channel], want)
				}
			})
			if t.Failed() {
				return
			}
			if c.tokens > 100 && worst < 1e-3 {
				t.Errorf("%+v: the error is %.2g of the tolerance, which tests nothing", c, worst)
			}
		}
	}
}

// TestAttentionOfNaN checks that a query that is not finite makes its row of the result NaN, and no other.
func TestAttentionOfNaN(t *testing.T) { eachVariant(t, testAttentionOfNaN) }

func testAttentionOfNaN(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		random := rand.New(rand.NewPCG(4, 2))
		q, k, v := floats(random, 0, 1, 1, 20, 8), floats(random, 1, 0.1, 1, 20, 8), floats(random, 0, 1, 1, 20, 8)
		q.Float32()[5*8+3] = float32(bad)
		for i, y := range attentionOutputs(t, "F32Attention", 1, 0.5, q, k, v)[0] {
			if math.IsNaN(float64(y)) != (i/8 == 5) {
				t.Fatalf("with %v in the query of token 5, channel %d of token %d is %v", bad, i%8, i/8, y)
			}
		}
	}
}

// TestAttentionRefusals checks that inputs that do not go together and missing memory are errors.
func TestAttentionRefusals(t *testing.T) {
	x := func(shape ...int) tensor.Tensor { return tensor.Zeros(shape...) }
	for _, c := range []struct {
		inputs []tensor.Tensor
		heads  int
	}{
		{[]tensor.Tensor{x(2, 3, 4), x(2, 3, 4), x(2, 3, 2)}, 2}, {[]tensor.Tensor{x(2, 3, 4), x(2, 3, 4), x(2, 3, 4)}, 3},
		{[]tensor.Tensor{x(6, 4), x(6, 4), x(6, 4)}, 2}, {[]tensor.Tensor{x(2, 3, 4), x(2, 3, 4), x(2, 3, 4)}, 0},
	} {
		if _, err := runAttention("F32Attention", c.heads, 1, c.inputs...); err == nil || !strings.Contains(err.Error(), "do not go together") {
			t.Errorf("inputs %v with %d heads: %v", c.inputs, c.heads, err)
		}
	}
	failAllocations(true)
	defer failAllocations(false)
	if _, err := runAttention("F32Attention", 2, 1, x(2, 3, 4), x(2, 3, 4), x(2, 3, 4)); err == nil || !strings.Contains(err.Error(), "no memory for a kernel of attention") {
		t.Errorf("without memory: %v", err)
	}
}
