package dtl

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/backbone/swin"
	"dtl-tf/graph/backbone/vit"
	"dtl-tf/graph/need"
	"dtl-tf/graph/tensor"
)

// goldenTolerance is the tolerance of float32 results against values computed in float64, relative to the largest element of
// a tensor. It is tight enough to detect weight decay on head.bias or a beta2 of 0.99 in Adam. PyTorch's errors in float32 are
// below 1e-6, 1e-6, 2e-6, 1.2e-6 and 9e-5.
var goldenTolerance = map[string]float64{
	"logits": 1e-5, "losses": 1e-5, "logits_after": 1e-5,
	"gradient": 1e-4, "adapter_after": 1e-4, "update": 1e-3,
}

// golden is the expected.json of a case.
type golden struct {
	Config struct {
		Image    int     `json:"img_size"`
		Classes  int     `json:"num_classes"`
		Kernel   int     `json:"conv_size"`
		Beta     float64 `json:"beta"`
		Ratio    float64 `json:"mlp_ratio"`
		Patch    int     `json:"patch_size"`
		Width    int     `json:"dim"`
		Depth    int     `json:"depth"`
		Depths   []int   `json:"depths"` // of a Swin
		Heads    stages  `json:"heads"`
		Window   int     `json:"window"`
		Rank     int     `json:"rank"`
		Map      int     `json:"first_map"`
		Feedback int     `json:"first_feedback"`
		Eps      float64 `json:"eps"`
	} `json:"config"`
	Optimizer struct {
		Rate  float64 `json:"lr"`
		Decay float64 `json:"weight_decay"`
		Steps int     `json:"steps"`
	} `json:"optimizer"`
	Parameters  int         `json:"trainable_parameters_without_head"`
	Logits      [][]float64 `json:"logits"`
	Losses      []float64   `json:"losses"`
	LogitsAfter [][]float64 `json:"logits_after"`
	// Unused lists the trainables without a gradient.
	Unused []string `json:"unused_trainables"`
}

// stages is a number or a list of them.
type stages []int

func (s *stages) UnmarshalJSON(raw []byte) error {
	if raw[0] != '[' {
		raw = fmt.Appendf(nil, "[%s]", raw)
	}
	return json.Unmarshal(raw, (*[]int)(s))
}

// TestGolden compares forward pass, gradients and five training steps with an independent PyTorch implementation, on the small
// vectors in testdata (scripts/make_golden_vectors.py).
func TestGolden(t *testing.T) {
	for _, name := range []string{"tiny_dtl", "tiny_dtlplus_k3", "tiny_dtlplus_k4"} {
		checkGolden(t, filepath.Join("testdata", name), "testdata", graph.ExactRecomputes()...)
	}
}

// TestGoldenShared does the same with larger vectors from outside the repository. By default each runs in one mode: those of a ViT, like
// those of a Swin, are run in all three together.
func TestGoldenShared(t *testing.T) {
	for i, name := range []string{
		"vit_micro_dtl", "vit_micro_dtlplus_k3", "vit_micro_dtlplus_k4", "vit_micro_dtlplus_k5",
		"swin_micro_dtl", "swin_micro_dtlplus", "swin_micro_dtlplus_midstage",
	} {
		folder := need.Shared(t, "reference", "golden", name)
		modes := graph.ExactRecomputes()
		if !need.AllowsHeavy() {
			modes = modes[i%len(modes):][:1]
		}
		checkGolden(t, folder, folder, modes...)
	}
}

func checkGolden(t *testing.T, folder, inputs string, modes ...graph.Recompute) {
	for _, mode := range modes {
		t.Run(fmt.Sprintf("%s/recompute=%s", filepath.Base(folder), mode), func(t *testing.T) {
			t.Parallel()
			var want golden
			if err := json.Unmarshal(must(os.ReadFile(filepath.Join(folder, "expected.json")))(t), &want); err != nil {
				t.Fatal(err)
			}
			c := want.Config
			bb := must(backbone.Load(t.Context(), filepath.Join(inputs, "backbone.safetensors"), backbone.Options{Heads: c.Heads[0], Image: c.Image}))(t)
			var arch backbone.Architecture = vit.Architecture{
				Image: c.Image, Patch: c.Patch, Width: c.Width, Depth: c.Depth, Heads: c.Heads[0],
				MLP: int(c.Ratio * float64(c.Width)), Eps: c.Eps,
			}
			if c.Depths != nil {
				arch = swin.Architecture{
					Image: c.Image, Patch: c.Patch, Window: c.Window, Width: c.Width, MLP: int(c.Ratio * float64(c.Width)),
					Depths: swin.Stages(append(c.Depths, 0, 0)), Heads: swin.Stages(append(c.Heads, 0, 0)), Eps: c.Eps,
				}
			}
			if bb.Architecture != arch {
				t.Fatalf("read %+v from the backbone's file, want %+v", bb.Architecture, arch)
			}
			model, initial := want.model(t, bb, folder, mode)
			if got := model.Counts().Method; got != want.Parameters {
				t.Errorf("%d trainable parameters without the classifier, want %d", got, want.Parameters)
			}
			if got := slices.Sorted(slices.Values(model.Unused())); !slices.Equal(got, slices.Sorted(slices.Values(want.Unused))) {
				t.Errorf("unused are %v, want %v", got, want.Unused)
			}
			batch := readWeights(t, filepath.Join(inputs, "images.safetensors"))
			training := Training{Batch: len(want.Logits), WeightDecay: want.Optimizer.Decay}
			want.run(t, openTrainer(t, model, training, bb.Weights, 0, initial), batch, folder, initial)
		})
	}
}

func (want *golden) model(t *testing.T, bb *backbone.Backbone, folder string, mode graph.Recompute) (*Model, tensor.Map) {
	c := want.Config
	name, options := "dtl", Options{
		"rank": strconv.Itoa(c.Rank), "beta": fmt.Sprint(c.Beta), "side-from": strconv.Itoa(c.Map), "feedback-from": strconv.Itoa(c.Feedback),
	}
	if c.Kernel > 0 {
		name, options["kernel"] = "dtl+", strconv.Itoa(c.Kernel)
	}
	method, _, err := newMethod(name, options, bb.Architecture)
	if err != nil {
		t.Fatal(err)
	}
	model := must(New(Config{
		Arch: bb.Architecture, Std: [3]float64{1, 1, 1}, Method: method, Pool: method.Pool(), Classes: c.Classes,
		Recompute: mode, FloatImages: true,
	}))(t)
	return model, readWeights(t, filepath.Join(folder, "adapter_init.safetensors"))
}

func (want *golden) run(t *testing.T, s *ImageTrainer, batch tensor.Map, folder string, initial tensor.Map) {
	worst := map[string]float64{}
	check := func(quantity, what string, got, wanted []float64) {
		t.Helper()
		off := relative(got, wanted)
		worst[quantity] = math.Max(worst[quantity], off)
		if !(off <= goldenTolerance[quantity]) {
			t.Errorf("%s: off by %.2g, tolerance %.0g\n got %v\nwant %v", what, off, goldenTolerance[quantity], got, wanted)
		}
	}
	images, labels := batch["images"], int32s(batch["labels"])
	logits, loss, gradients, err := gradientsOf(s, images, labels)
	if err != nil {
		t.Fatal(err)
	}
	check("logits", "logits of the training graph", floats(logits), flat(want.Logits))
	check("losses", "loss", []float64{loss}, want.Losses[:1])
	check("logits", "logits of the prediction graph", floats(must(s.Logits(images))(t)), flat(want.Logits))
	wantGradients := readWeights(t, filepath.Join(folder, "adapter_grad_step1.safetensors"))
	for _, name := range want.Unused {
		delete(wantGradients, name)
	}
	if got := gradients.Names(); !slices.Equal(got, wantGradients.Names()) {
		t.Fatalf("gradients of %v, want %v", got, wantGradients.Names())
	}
	for name, gradient := range gradients {
		check("gradient", "gradient of "+name, floats(gradient), floats(wantGradients[name]))
	}

	losses := make([]float64, want.Optimizer.Steps)
	for i := range losses {
		losses[i] = must(s.Step(images, labels, want.Optimizer.Rate, i))(t)
	}
	check("losses", "losses", losses, want.Losses)
	check("logits_after", "logits after training", floats(must(s.Logits(images))(t)), flat(want.LogitsAfter))
	after, wantAfter := must(s.ReadTrainable())(t), readWeights(t, filepath.Join(folder, "adapter_after.safetensors"))
	if !slices.Equal(after.Names(), wantAfter.Names()) {
		t.Fatalf("trained %v, want %v", after.Names(), wantAfter.Names())
	}
	for name := range after {
		check("adapter_after", name+" after training", floats(after[name]), floats(wantAfter[name]))
		if slices.Contains(want.Unused, name) {
			if !slices.Equal(after[name].Float32(), initial[name].Float32()) {
				t.Errorf("%s has no gradient but changed", name)
			}
			continue
		}
		check("update", "update of "+name, minus(after[name], initial[name]), minus(wantAfter[name], initial[name]))
	}
	for _, quantity := range []string{"logits", "losses", "gradient", "adapter_after", "update", "logits_after"} {
		t.Logf("%-13s off by %.1e (tolerance %.0e)", quantity, worst[quantity], goldenTolerance[quantity])
	}
}

func flat(rows [][]float64) []float64 { return slices.Concat(rows...) }

func minus(a, b tensor.Tensor) []float64 {
	out := floats(a)
	for i, v := range b.Float32() {
		out[i] -= float64(v)
	}
	return out
}

func int32s(t tensor.Tensor) []int32 {
	labels := t.Data.([]int64)
	out := make([]int32, len(labels))
	for i, v := range labels {
		out[i] = int32(v)
	}
	return out
}
