package dtl

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
)

// TestStored lists the stored values of each method, which follow from where the method acts. micro has 4 blocks, and 16
// patches and a class token of width 12.
func TestStored(t *testing.T) {
	want := map[string]string{
		"dtl":    "x_00[17 12] x_01[17 12] x_02[17 12] x_03[17 12]", // M = 2: inputs of blocks 0..2, and z_2
		"dtl+":   "x_00[17 12] x_01[17 12] x_02[17 12] x_03[17 12]",
		"linear": "features[12]",
		"lst":    "x_00[17 12] x_01[17 12] x_02[17 12] x_03[17 12] x_04[17 12]",

		"res-tuning-bypass": "x_00[17 12] x_01[17 12] x_02[17 12] x_03[17 12] x_04[17 12]",
		"lra":               "sum_00[17 12]",
		"vqt":               "x_00[17 12] x_01[17 12] x_02[17 12] x_03[17 12] x_04[17 12]",
	}
	for _, method := range Names() {
		m, training, _ := setting{method: method}.resolve(t)
		var got []string
		for _, v := range m.Stored(training) {
			got = append(got, fmt.Sprintf("%s%v", v.Name, v.Shape))
		}
		if all := strings.Join(got, " "); all != want[method] {
			t.Errorf("%s: stored is %q, want %q", method, all, want[method])
		}
	}
	for feedback, n := range map[string]int{"0": 2, "3": 5} {
		m, training, _ := setting{method: "dtl", options: Options{"feedback-from": feedback}}.resolve(t)
		if got := len(m.Stored(training)); got != n {
			t.Errorf("dtl with feedback from block %s: %d values, want %d", feedback, got, n)
		}
	}
	m, training, _ := setting{method: "dtl", dropPath: 0.1}.resolve(t)
	if got := m.Stored(training); len(got) > 0 {
		t.Errorf("with stochastic depth in all blocks: %v, want nothing", got)
	}
}

// TestStoredSteps: training on images and on stored values gives the same losses and weights.
func TestStoredSteps(t *testing.T) {
	for _, c := range []setting{
		{method: "dtl"}, {method: "dtl+"}, {method: "linear"}, {method: "lst"}, {method: "vqt"}, {method: "lra"},
		{method: "dtl", dropPath: 0.5, scope: DropPathSuffix}, {method: "dtl", options: Options{"feedback-from": "0"}},
		{method: "dtl", mode: graph.RecomputeActivations},
		{method: "dtl", precision: graph.BF16}, {method: "linear", precision: graph.BF16},
	} {
		t.Run(fmt.Sprint(c.method, c.dropPath, c.options, c.mode, c.precision), func(t *testing.T) {
			c.adapter = randomAdapter
			plain, stored := c.start(t), c.startStored(t, graph.FP32)
			images, labels := someBatch(plain.Trainer, 3)
			values := must(stored.ComputeStored(images))(t)
			for step := range 4 {
				want := must(plain.Step(images, labels, 1e-2, step))(t)
				got := must(stored.Step(values, labels, 1e-2, step))(t)
				if math.Abs(got-want) > 1e-5*want {
					t.Errorf("step %d: loss %v on stored values, %v on images", step, got, want)
				}
			}
			sameValues(t, must(stored.ReadTrainable())(t), must(plain.ReadTrainable())(t), 1e-5)
		})
	}
}

// tapReader is a method whose hook reads the backbone at some tap, scales what it read by a trainable vector, and adds it to
// the output of the last block or to the features.
type tapReader struct {
	linear
	hook func(b *graph.Builder, at backbone.Tap, in, out graph.Value, scale func(graph.Value) graph.Value) graph.Value
}

func (r tapReader) Attach(p *Params, a backbone.Architecture) func() backbone.Hook {
	weight := p.Declare("reader.weight", normalAround(0.5, 0.1), backbone.Width(a))
	shift := p.Declare("reader.shift", Zeros, backbone.Width(a))
	return func() backbone.Hook {
		return func(b *graph.Builder, at backbone.Tap, in, out graph.Value) graph.Value {
			return r.hook(b, at, in, out, func(v graph.Value) graph.Value { return b.ScaleShift(v, weight, shift) })
		}
	}
}

// TestReaders: whichever tap a method reads, and whenever it uses the value, the value is stored, and steps on stored values
// equal steps on images. In a graph that starts from stored values TensorFlow fuses other nodes, which changes the rounding by
// 1e-5 of a loss. A wrong value would change it by more than 1e-2.
func TestReaders(t *testing.T) {
	type value = graph.Value
	place := func(p backbone.Point, i int) backbone.Tap {
		blocks := micro.Blocks()
		switch {
		case i >= 0:
			return backbone.Tap{Point: p, Block: blocks[i]}
		case p == backbone.FinalNorm:
			return backbone.Tap{Point: p, Block: blocks[len(blocks)-1].Outside()}
		}
		return backbone.Tap{Point: p, Block: blocks[0].Outside()}
	}
	last := micro.Depth - 1
	var read value // by the running hook
	readAt := func(where backbone.Tap, from func(in, out value) value, use backbone.Tap) tapReader {
		return tapReader{hook: func(b *graph.Builder, at backbone.Tap, in, out value, scale func(value) value) value {
			if at == where {
				read = from(in, out)
			}
			if at != use {
				return out
			}
			x := read
			if len(out.Shape) < len(x.Shape) {
				x = b.Token(x, 0)
			}
			return b.Add(out, scale(x))
		}}
	}
	in := func(in, _ value) value { return in }
	out := func(_, out value) value { return out }
	end, norm := place(backbone.BlockOutput, last), place(backbone.FinalNorm, -1)
	for _, c := range []struct {
		name   string
		method tapReader
		want   string
	}{
		{"in at BlockOutput", readAt(place(backbone.BlockOutput, 1), in, end), "x_01 x_04"},
		{"out at BlockOutput", readAt(place(backbone.BlockOutput, 1), out, end), "x_02 x_04"},
		{"in of the last BlockOutput", readAt(end, in, end), "x_03 x_04"},
		{"read at BlockInput", readAt(place(backbone.BlockInput, 2), in, end), "x_02 x_04"},
		{"Tokens, at FinalNorm", readAt(place(backbone.Tokens, -1), in, norm), "x_00 x_04"},
		{"in at BlockOutput, at FinalNorm", readAt(place(backbone.BlockOutput, 2), in, norm), "x_02 x_04"},
		{"in at FinalNorm", readAt(norm, in, norm), "x_04"},
		{"out at FinalNorm", readAt(norm, out, norm), "x_04"},
		{"read inside a block", readAt(place(backbone.Query, 2), in, end), "x_02"},
		{"without the last block", tapReader{hook: func(b *graph.Builder, at backbone.Tap, in, out value, scale func(value) value) value {
			if at == end {
				return scale(in)
			}
			return out
		}}, "x_03 x_04"},
		{"waits for an output", tapReader{hook: func(b *graph.Builder, at backbone.Tap, in, out value, scale func(value) value) value {
			switch {
			case at == place(backbone.BlockOutput, 0):
				read = out
			case at == end:
				return b.After(read.Op).Add(out, scale(out))
			}
			return out
		}}, "x_01 x_04"},
		{"reads nothing", tapReader{hook: func(b *graph.Builder, at backbone.Tap, in, out value, scale func(value) value) value { return out }}, "features"},
	} {
		t.Run(c.name, func(t *testing.T) {
			model := func() *Model {
				return must(New(Config{
					Arch: micro, Std: [3]float64{1, 1, 1}, Method: c.method, Pool: backbone.PoolMean, Classes: 3, FloatImages: true,
				}))(t)
			}
			training, start := Training{Batch: 4}, Start{Session: threads, Weights: must(randomWeights(micro))(t), Seed: 1}
			plain := closed(t, must(NewImageTrainer(model(), training, start))(t))
			stored := closed(t, must(NewStoredTrainer(model(), training, graph.FP32, start))(t))
			var names []string
			for _, v := range stored.Stored(training) {
				names = append(names, v.Name)
			}
			if got := strings.Join(names, " "); got != c.want {
				t.Errorf("stored is %q, want %q", got, c.want)
			}
			images, labels := someBatch(plain.Trainer, 3)
			values := must(stored.ComputeStored(images))(t)
			for step := range 3 {
				want := must(plain.Step(images, labels, 1e-2, step))(t)
				got := must(stored.Step(values, labels, 1e-2, step))(t)
				if math.Abs(got-want) > 1e-4*want {
					t.Errorf("step %d: loss %v on stored values, %v on images", step, got, want)
				}
			}
			sameValues(t, must(stored.ReadTrainable())(t), must(plain.ReadTrainable())(t), 1e-3)
		})
	}
}

// TestStoredBF16: rounding the stored values to bfloat16, 8 bits of significand, changes a loss by a few thousandths.
func TestStoredBF16(t *testing.T) {
	c := setting{method: "dtl", adapter: randomAdapter}
	plain, stored := c.start(t), c.startStored(t, graph.BF16)
	images, labels := someBatch(plain.Trainer, 3)
	var values []tensor.Tensor
	for _, v := range must(stored.ComputeStored(images))(t) {
		half := make([]tensor.BFloat16, len(v.Float32()))
		for i, x := range v.Float32() {
			half[i] = tensor.BFloat16((math.Float32bits(x) + 1<<15) >> 16)
		}
		values = append(values, tensor.Must(half, v.Shape...))
	}
	for step := range 4 {
		want := must(plain.Step(images, labels, 1e-2, step))(t)
		got := must(stored.Step(values, labels, 1e-2, step))(t)
		if off := math.Abs(got-want) / want; off > 0.01 || off == 0 {
			t.Errorf("step %d: loss %v on stored values, %v on images", step, got, want)
		}
	}
}

// sameValues checks max|got - want| <= tolerance * max|want| for every tensor.
func sameValues(t *testing.T, got, want tensor.Map, tolerance float64) {
	t.Helper()
	if !slices.Equal(got.Names(), want.Names()) {
		t.Fatalf("tensors %v, want %v", got.Names(), want.Names())
	}
	for _, name := range want.Names() {
		worst, size := 0.0, 1e-3
		for i, v := range want[name].Float32() {
			worst = math.Max(worst, math.Abs(float64(v-got[name].Float32()[i])))
			size = math.Max(size, math.Abs(float64(v)))
		}
		if !(worst <= tolerance*size) {
			t.Errorf("%s: off by %.3g of %.3g", name, worst, size)
		}
	}
}
