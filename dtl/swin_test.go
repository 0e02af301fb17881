package dtl

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/backbone/swin"
	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
	"dtl-tf/graph/tensor"
)

// smallSwin has two stages: a grid of 8 x 8 patches in four windows, which shift in block 1, then 4 x 4 patches in one window.
var smallSwin = swin.Architecture{
	Image: 16, Patch: 2, Window: 4, Width: 8, MLP: 16, Depths: swin.Stages{2, 2}, Heads: swin.Stages{2, 2}, Eps: swin.LayerNormEps,
}

// swinRivals are the rivals that can adapt a Swin, with small sizes.
var swinRivals = map[string]Options{
	"full":        nil,
	"linear":      nil,
	"bitfit":      nil,
	"vpt-shallow": {"prompts": "3"},
	"vpt-deep":    {"prompts": "3"},
	"adapter":     {"bottleneck": "5"},
	"adapter+":    {"bottleneck": "5"},
	"adaptformer": {"bottleneck": "5", "scale": "0.1"},
	"lora":        {"rank": "3", "alpha": "6"},
	"ssf":         nil,
}

func onSwin(method string) setting {
	c := setting{arch: smallSwin, method: method, options: swinRivals[method], pool: backbone.PoolMean, noise: 0.2, batch: 4}
	if method != "full" { // its adapter would be the whole backbone
		c.adapter = randomRival
	}
	return c
}

// TestSwinVectors compares logits, loss and gradients with a second implementation of the methods, in PyTorch (testdata/rival_swin,
// scripts/make_swin_rival_vectors.py).
func TestSwinVectors(t *testing.T) {
	folder := filepath.Join("testdata", "rival_swin")
	bb := must(backbone.Load(t.Context(), filepath.Join(folder, "backbone.safetensors"), backbone.Options{Image: smallSwin.Image}))(t)
	if bb.Architecture != smallSwin {
		t.Fatalf("read %+v from the backbone's file, want %+v", bb.Architecture, smallSwin)
	}
	batch := readWeights(t, filepath.Join(folder, "images.safetensors"))
	for method := range swinRivals {
		if method == "full" || method == "linear" {
			continue
		}
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			checkRivalVectors(t, onSwin(method), bb, batch, folder)
		})
	}
}

// TestSwinGradients: the gradients of every method are TensorFlow's and those of finite differences, with stochastic depth, and the
// same in chunks of one or two samples that are recomputed (a sample has up to 67 tokens of width 8).
func TestSwinGradients(t *testing.T) {
	for method := range swinRivals {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			modes := []graph.Recompute{graph.RecomputeActivations, graph.RecomputeBlocks}
			if !need.AllowsHeavy() {
				if !slices.Contains([]string{"full", "bitfit", "vpt-deep", "adapter+"}, method) {
					return // TestSwinVectors has their gradients, without stochastic depth
				}
				modes = modes[1:]
			}
			c := onSwin(method)
			c.dropPath = 0.5
			saved := c.start(t)
			checkRivalGradients(t, saved, c.startPlain(t))
			checkRecomputed(t, c, saved, 1100, modes)
		})
	}
}

// TestSwinRefusals: methods that need blocks of one size say why in one sentence.
func TestSwinRefusals(t *testing.T) {
	for _, name := range Names() {
		_, _, err := newMethod(name, nil, smallSwin)
		if _, able := swinRivals[name]; able || Ours(name) || name == "shift" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err == nil || !strings.HasSuffix(err.Error(), ", and this backbone has 2 stages of different sizes") {
			t.Errorf("%s is refused with %v", name, err)
		}
	}
}

// TestSwinOfOneStage: with a single stage the rivals that need blocks of one size adapt a Swin too, but for VQT, whose queries would need
// windows of their own.
func TestSwinOfOneStage(t *testing.T) {
	one := swin.Architecture{Image: 9, Patch: 3, Window: 3, Width: 8, MLP: 16, Depths: swin.Stages{2}, Heads: swin.Stages{1}, Eps: swin.LayerNormEps}
	for _, name := range Names() {
		m, _, err := newMethod(name, nil, one)
		if name == "vqt" {
			expect.Error(t, err, "method vqt", "this backbone has windows")
			continue
		}
		expect.NoError(t, err)
		_, err = New(Config{Arch: one, Std: [3]float64{1, 1, 1}, Method: m, Pool: backbone.PoolMean, Classes: 3})
		expect.NoError(t, err)
	}
}

// TestSwinNames: parameters are named by stage and by block of the stage, as in timm and in the official code of SSF.
func TestSwinNames(t *testing.T) {
	for method, names := range map[string][]string{
		"lora":        {"layers.1.blocks.0.attn.q.lora_A"},
		"adapter":     {"layers.0.blocks.1.adapter_downsample.weight"},
		"adaptformer": {"layers.1.blocks.1.adaptmlp.up_proj.bias"},
		"vpt-deep":    {"prompt_embeddings.3"},
		"ssf": {
			"patch_embed.ssf_scale_1", "patch_embed.ssf_shift_2", "layers.0.blocks.1.attn.ssf_scale_q", "layers.1.blocks.0.mlp.ssf_shift_1",
			"layers.0.downsample.ssf_scale_1", "ssf_shift_1",
		},
	} {
		m, _, _ := onSwin(method).resolve(t)
		for _, name := range names {
			if _, ok := m.Trainable.Lookup(name); !ok {
				t.Errorf("%s has no %s", method, name)
			}
		}
	}
	m, _, _ := onSwin("ssf").resolve(t)
	for _, name := range []string{"layers.1.downsample.ssf_scale_1", "layers.0.downsample.ssf_scale_2"} {
		if _, ok := m.Trainable.Lookup(name); ok {
			t.Errorf("ssf has %s, where no layer ends", name)
		}
	}
}

// TestSwinPrompts: prompts start uniform within +-sqrt(6 / (3 patch^2 + d)), d the width of block 0, in every stage; every block gets
// them before its patches; and an image has the same logits alone as in a batch.
func TestSwinPrompts(t *testing.T) {
	for method, stages := range map[string]int{"vpt-shallow": 1, "vpt-deep": 2} {
		c := onSwin(method)
		c.options, c.adapter = Options{"prompts": "40"}, nil
		m, _, start := c.resolve(t)
		p := open(t, m, start.Weights, 1, nil)
		values := must(p.ReadTrainable())(t)
		bound := math.Sqrt(6.0 / (3*2*2 + 8))
		for _, name := range []string{"prompt_embeddings.0", "prompt_embeddings.3"}[:stages] {
			drawn := floats(values[name])
			smallest, largest := slices.Min(drawn), slices.Max(drawn)
			if smallest < -bound || largest > bound || smallest > -0.95*bound || largest < 0.95*bound {
				t.Errorf("%s: %s from %v to %v, want them to fill +-%v", method, name, smallest, largest, bound)
			}
		}
		images, _ := someBatch(&Trainer{Predictor: p, training: Training{Batch: 3}}, 6)
		all := floats(must(p.Logits(images))(t))
		for i := range 3 {
			one := floats(must(p.Logits(must(tensor.Part(images, i, i+1))(t)))(t))
			if want := all[3*i:][:3]; !(relative(one, want) <= 1e-5) {
				t.Errorf("%s: image %d has logits %v alone, %v in a batch", method, i, one, want)
			}
		}
	}
}

// promptWatch wraps a method's hook and records the tokens that the blocks get.
type promptWatch struct {
	Method
	see func(at backbone.Tap, tokens int)
}

func (p promptWatch) Attach(params *Params, a backbone.Architecture) func() backbone.Hook {
	newHook := p.Method.Attach(params, a)
	return func() backbone.Hook {
		hook := newHook()
		return func(b *graph.Builder, at backbone.Tap, in, out graph.Value) graph.Value {
			result := hook(b, at, in, out)
			if at.Point == backbone.BlockInput || at.Point == backbone.MergeNorm || at.Point == backbone.FinalNorm {
				p.see(at, result.Shape[1])
			}
			return result
		}
	}
}

// TestSwinTokens: three prompts pass through all blocks, the merging and the final norm.
func TestSwinTokens(t *testing.T) {
	for _, name := range []string{"vpt-shallow", "vpt-deep"} {
		method, _, err := newMethod(name, swinRivals[name], smallSwin)
		if err != nil {
			t.Fatal(err)
		}
		var got []int
		watch := promptWatch{method, func(_ backbone.Tap, tokens int) { got = append(got, tokens) }}
		must(New(Config{Arch: smallSwin, Std: [3]float64{1, 1, 1}, Method: watch, Pool: backbone.PoolMean, Classes: 3}))(t)
		// Blocks 0 and 1, the merging, blocks 2 and 3, the final norm.
		if want := []int{3 + 64, 3 + 64, 3 + 16, 3 + 16, 3 + 16, 3 + 16}; !slices.Equal(got, want) {
			t.Errorf("%s: %v tokens, want %v", name, got, want)
		}
	}
}

// TestSwinStored: DTL reads the inputs of the blocks from side-from to M, and the pass resumes after M. Methods that act in the first
// block, or before it, store nothing. Steps on stored values equal steps on images.
func TestSwinStored(t *testing.T) {
	for _, c := range []struct {
		method  string
		options Options
		want    string
		steps   bool // in quick tests too
	}{
		{"dtl", Options{"side-from": "0", "feedback-from": "0"}, "x_00[64 8] x_01[64 8]", false},
		{"dtl", Options{"side-from": "0", "feedback-from": "1"}, "x_00[64 8] x_01[64 8] z_01[64 8]", true},
		{"dtl", Options{"side-from": "1", "feedback-from": "1"}, "x_01[64 8] z_01[64 8]", false},
		{"dtl+", Options{"side-from": "2", "feedback-from": "2"}, "x_02[16 16] x_03[16 16]", false},
		{"dtl", Options{"side-from": "2", "feedback-from": "3"}, "x_02[16 16] x_03[16 16] x_04[16 16]", true},
		{"dtl", Options{"side-from": "0", "feedback-from": "2"}, "x_02[16 16] x_03[16 16]", false}, // no feedback reads the maps of stage 0
		{"linear", nil, "features[16]", true},
		{"bitfit", nil, "", false}, {"full", nil, "", false}, {"lora", nil, "", false}, {"ssf", nil, "", false}, {"vpt-shallow", nil, "", false}, {"vpt-deep", nil, "", false},
	} {
		t.Run(fmt.Sprint(c.method, c.options), func(t *testing.T) {
			t.Parallel()
			s := onSwin(c.method)
			if c.options != nil {
				s.options = c.options
			}
			m, training, _ := s.resolve(t)
			var got []string
			for _, v := range m.Stored(training) {
				got = append(got, fmt.Sprintf("%s%v", v.Name, v.Shape))
			}
			if all := strings.Join(got, " "); all != c.want {
				t.Errorf("stored is %q, want %q", all, c.want)
			}
			if len(got) == 0 || !c.steps && !need.AllowsHeavy() {
				return
			}
			plain, stored := s.start(t), s.startStored(t, graph.FP32)
			images, labels := someBatch(plain.Trainer, 3)
			values := must(stored.ComputeStored(images))(t)
			for step := range 3 {
				want := must(plain.Step(images, labels, 1e-2, step))(t)
				got := must(stored.Step(values, labels, 1e-2, step))(t)
				if !(math.Abs(got-want) <= 1e-5*want) {
					t.Errorf("step %d: loss %v on stored values, %v on images", step, got, want)
				}
			}
			sameValues(t, must(stored.ReadTrainable())(t), must(plain.ReadTrainable())(t), 1e-4)
		})
	}
}
