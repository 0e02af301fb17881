package dtl

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/expect"
	"dtl-tf/graph/tensor"
)

// Heads of width 3, as in scripts/make_factor_vectors.py. The tests of all rivals cover this method too.
func init() {
	rivals["lst"] = Options{"reduction": "2"}
	startsElsewhere["lst"] = true
}

// TestLSTCounts: 12 side blocks of 4 (96^2 + 96) + 2 * 96 * 384 + 384 + 96 + 4 * 96, 13 maps of 768 * 96 + 96, one of
// 96 * 768 + 768, a norm of 2 * 96 and 12 gates: the published 2.38 M.
func TestLSTCounts(t *testing.T) {
	got := methodCount(t, must(backbone.Parse("vit_b16"))(t), "lst", nil)
	if want := 12*(4*(96*96+96)+2*96*384+384+96+4*96) + 13*(768*96+96) + 96*768 + 768 + 2*96 + 12; got != want || want != 2_376_492 {
		t.Errorf("%d parameters, want %d", got, want)
	}
	nearPublished(t, "lst", got, 2.38)
}

// plainBackbone wraps a method's hook and fails the test if a value of the backbone has a gradient.
type plainBackbone struct {
	Method
	t    *testing.T
	seen *int
}

func (p plainBackbone) Attach(params *Params, a backbone.Architecture) func() backbone.Hook {
	newHook := p.Method.Attach(params, a)
	return func() backbone.Hook {
		hook := newHook()
		return func(b *graph.Builder, at backbone.Tap, in, out graph.Value) graph.Value {
			if at.Point != backbone.FinalNorm && at.Point != backbone.Features && (in.HasGradient() || out.HasGradient()) {
				p.t.Errorf("a gradient flows into point %d of block %d", at.Point, at.Block)
			}
			*p.seen++
			return hook(b, at, in, out)
		}
	}
}

// TestLSTLeavesBackboneAlone: no value of the backbone is on the tape, and only the method's nodes within a block have backward
// nodes.
func TestLSTLeavesBackboneAlone(t *testing.T) { checkLeavesBackboneAlone(t, "lst") }

func checkLeavesBackboneAlone(t *testing.T, name string) {
	method, _, err := newMethod(name, nil, micro)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	model := must(New(Config{
		Arch: micro, Std: [3]float64{1, 1, 1}, Method: plainBackbone{method, t, &seen}, Pool: method.Pool(), Classes: 3,
		Recompute: graph.RecomputeNone,
	}))(t)
	openTrainer(t, model, Training{Batch: 2}, must(randomWeights(micro))(t), 0, nil)
	if want := 2 * (4 + 15*micro.Depth); seen != want {
		t.Errorf("%d taps, want %d in two forward passes", seen, want)
	}
	backward := 0
	for _, op := range model.builder.Graph().Operations() {
		name, ok := strings.CutPrefix(op.Name(), "backward/train/")
		if !ok || strings.HasPrefix(name, "pool/") || strings.HasPrefix(name, "head/") || strings.HasPrefix(name, "crossentropy/") {
			continue
		}
		if backward++; !strings.Contains(name, "/method/") {
			t.Errorf("the backbone has a backward node: %s", op.Name())
		}
	}
	if backward == 0 {
		t.Error("no backward nodes found: are they named otherwise?")
	}
}

// TestLSTPruning: the side network's initial values equal those of the same pruning in PyTorch (scripts/make_factor_vectors.py),
// bit for bit.
func TestLSTPruning(t *testing.T) {
	bb := must(backbone.Load(t.Context(), filepath.Join("testdata", "backbone.safetensors"), backbone.Options{Heads: 2}))(t)
	want := readWeights(t, filepath.Join("testdata", "lst_pruned.safetensors"))
	method, _, err := newMethod("lst", Options{"reduction": "2"}, bb.Architecture)
	if err != nil {
		t.Fatal(err)
	}
	model := must(New(Config{Arch: bb.Architecture, Std: [3]float64{1, 1, 1}, Method: method, Pool: method.Pool(), Classes: 3}))(t)
	derived := must(model.params.derived(bb.Weights))(t)
	got := must(open(t, model, bb.Weights, 3, nil).ReadTrainable())(t)
	if !slices.Equal(derived.Names(), want.Names()) {
		t.Fatalf("pruned %v, want %v", derived.Names(), want.Names())
	}
	for name := range want {
		if !slices.Equal(got[name].Shape, want[name].Shape) || !slices.Equal(got[name].Float32(), want[name].Float32()) {
			t.Errorf("%s\n got %v\nwant %v", name, got[name], want[name])
		}
	}
	for name, value := range got {
		if _, ok := want[name]; ok || strings.HasPrefix(name, "head.") {
			continue
		}
		deviation := 0.0
		for _, v := range floats(value) {
			deviation += v * v / float64(tensor.Size(value.Shape))
		}
		// The maps between the networks are normal with standard deviation 0.01 (72 values each), biases and gates are 0.
		deviation = math.Sqrt(deviation)
		if random := strings.HasSuffix(name, ".weight"); random && math.Abs(deviation-0.01) > 0.003 || !random && deviation != 0 {
			t.Errorf("%s starts with a deviation of %v", name, deviation)
		}
	}
	delete(bb.Weights, "Transformer/encoderblock_2/MlpBlock_3/Dense_0/kernel")
	_, err = model.params.derived(bb.Weights)
	expect.Error(t, err, "backbone's weights", "encoderblock_2/MlpBlock_3/Dense_0/kernel")
}

// TestLSTErrors: the side network's heads are at least 1 wide; heads narrower than 16 get a smaller default reduction.
func TestLSTErrors(t *testing.T) {
	_, _, err := newMethod("lst", Options{"reduction": "7"}, micro)
	expect.Error(t, err, "reduction 7", "1 to 6")
	for name, want := range map[string]string{"vit_b16": "8", "vit_ti16": "8"} {
		if _, options, err := newMethod("lst", nil, must(backbone.Parse(name))(t)); err != nil || options["reduction"] != want {
			t.Errorf("%s: options %v, %v", name, options, err)
		}
	}
	if _, options, err := newMethod("lst", nil, micro); err != nil || options["reduction"] != "3" {
		t.Errorf("micro: options %v, %v", options, err)
	}
}
