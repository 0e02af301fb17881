package dtl

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph"
	"dtl-tf/graph/tensor"
)

// TestStored says for each method what of a step never changes, as it follows from where the method acts: micro has 4
// blocks, 16 patches and a class token of width 12.
func TestStored(t *testing.T) {
	want := map[string]string{
		"dtl":    "x_00[17 12] x_01[17 12] x_02[17 12] x_03[17 12]", // M = 2: inputs of blocks 0..2, and z_2
		"dtl+":   "x_00[17 12] x_01[17 12] x_02[17 12] x_03[17 12]",
		"linear": "features[12]",
		"lst":    "x_00[17 12] x_01[17 12] x_02[17 12] x_03[17 12] x_04[17 12]",
	}
	for _, method := range Names() {
		s := setting{method: method}.start(t)
		var got []string
		for _, v := range s.Stored() {
			got = append(got, fmt.Sprintf("%s%v", v.Name, v.Shape))
		}
		if all := strings.Join(got, " "); all != want[method] {
			t.Errorf("%s: stored is %q, want %q", method, all, want[method])
		}
	}
	for feedback, n := range map[string]int{"0": 2, "3": 5} {
		if got := len((setting{method: "dtl", options: Options{"feedback-from": feedback}}).start(t).Stored()); got != n {
			t.Errorf("dtl with feedback from block %s: %d values, want %d", feedback, got, n)
		}
	}
	if got := (setting{method: "dtl", dropPath: 0.1}).start(t).Stored(); len(got) > 0 {
		t.Errorf("with stochastic depth in all blocks: %v, want nothing", got)
	}
}

// TestStoredSteps trains on images and on values stored before, and wants the same losses and weights.
func TestStoredSteps(t *testing.T) {
	for _, c := range []setting{
		{method: "dtl"}, {method: "dtl+"}, {method: "linear"}, {method: "lst"},
		{method: "dtl", dropPath: 0.5, scope: DropPathSuffix}, {method: "dtl", options: Options{"feedback-from": "0"}},
		{method: "dtl", mode: graph.RecomputeActivations},
		{method: "dtl", precision: graph.BF16}, {method: "linear", precision: graph.BF16},
	} {
		t.Run(fmt.Sprint(c.method, c.dropPath, c.options, c.mode, c.precision), func(t *testing.T) {
			c.adapter = randomAdapter
			plain := c.start(t)
			c.store = graph.FP32
			stored := c.start(t)
			images, labels := someBatch(plain, 3)
			values := must(stored.ComputeStored(images))(t)
			for step := range 4 {
				want := must(plain.Step(images, labels, 1e-2, step))(t)
				got := must(stored.StepStored(values, labels, 1e-2, step))(t)
				if math.Abs(got-want) > 1e-5*want {
					t.Errorf("step %d: loss %v on stored values, %v on images", step, got, want)
				}
			}
			sameValues(t, must(stored.ReadTrainable())(t), must(plain.ReadTrainable())(t), 1e-5)
		})
	}
}

// TestStoredBF16 rounds the stored values to 8 bits, so a loss may be off by some thousandths.
func TestStoredBF16(t *testing.T) {
	c := setting{method: "dtl", adapter: randomAdapter}
	plain := c.start(t)
	c.store = graph.BF16
	stored := c.start(t)
	images, labels := someBatch(plain, 3)
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
		got := must(stored.StepStored(values, labels, 1e-2, step))(t)
		if off := math.Abs(got-want) / want; off > 0.01 || off == 0 {
			t.Errorf("step %d: loss %v on stored values, %v on images", step, got, want)
		}
	}
}

// sameValues wants max|got - want| <= tolerance * max|want| for every tensor.
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
