package adapter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/dtl"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
	"dtl-tf/graph/tensor"
	"dtl-tf/graph/weight"
	"dtl-tf/runner"
	"dtl-tf/runner/result"
)

// TestOfficialSwin opens adapters of the official implementation for a Swin, which have no metadata, alone and in a whole model, and
// compares the logits with PyTorch's.
func TestOfficialSwin(t *testing.T) {
	for _, c := range []struct {
		name, method, sideFrom string
		feedback               string // "": the default is right
		kernel                 string
	}{
		{"swin_micro_dtl", "dtl", "2", "", ""}, {"swin_micro_dtlplus", "dtl+", "2", "", "5"}, {"swin_micro_dtlplus_midstage", "dtl+", "4", "6", "5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := need.Shared(t, "reference", "golden", c.name)
			files := map[string]string{"backbone": filepath.Join(folder, "backbone.safetensors"), "adapter": filepath.Join(folder, "adapter_init.safetensors")}
			whole := wholeModel(t, files["backbone"], files["adapter"])
			for _, given := range []struct{ backbone, adapter, note string }{
				{files["backbone"], files["adapter"], "low-rank maps from block " + c.sideFrom},
				{files["backbone"], whole, "contains a whole model"},
				{whole, whole, "contains a whole model"},
			} {
				config := runner.AdaptedConfig{Adapter: given.adapter, Backbone: runner.BackboneConfig{
					Path: given.backbone, ImageSize: 112, Mean: &[3]float64{}, Std: &[3]float64{1, 1, 1}, // the images are normalised
				}}
				if c.feedback != "" {
					config.Method.Options = dtl.Options{"feedback-from": c.feedback}
				}
				var notes strings.Builder
				a, err := Open(t.Context(), config, func(format string, args ...any) { fmt.Fprintf(&notes, format+"\n", args...) })
				expect.NoError(t, err)
				for _, text := range []string{given.note, "taken as " + c.method + " of rank 2 with low-rank maps from block " + c.sideFrom, "--beta 100"} {
					if !strings.Contains(notes.String(), text) {
						t.Errorf("no note says %q: %s", text, notes.String())
					}
				}
				if strings.Contains(notes.String(), "is not the one of") || strings.Contains(notes.String(), "can't be compared") {
					t.Errorf("the backbone is the same, but a note says %s", notes.String())
				}
				if o := a.Options; o["side-from"] != c.sideFrom || o["rank"] != "2" || o["kernel"] != c.kernel || a.Config.Pool != backbone.PoolMean {
					t.Errorf("options %v, pool %s", o, a.Config.Pool)
				}
				checkLogits(t, a, folder)
			}
		})
	}
}

func checkLogits(t *testing.T, a *Adapted, folder string) {
	t.Helper()
	a.Config.FloatImages = true
	model, err := dtl.New(a.Config)
	expect.NoError(t, err)
	p, err := dtl.NewPredictor(model, dtl.Start{Weights: a.Backbone.Weights, Adapter: a.Adapter.Tensors})
	expect.NoError(t, err)
	defer p.Close()
	batch, err := weight.Open(filepath.Join(folder, "images.safetensors"))
	expect.NoError(t, err)
	got, err := p.Logits(batch.Tensors["images"])
	expect.NoError(t, err)
	raw, err := os.ReadFile(filepath.Join(folder, "expected.json"))
	expect.NoError(t, err)
	var want struct{ Logits [][]float64 }
	expect.NoError(t, json.Unmarshal(raw, &want))
	for i, row := range want.Logits {
		for k, v := range row {
			if g := float64(got.Float32()[i*len(row)+k]); math.Abs(g-v) > 2e-5 {
				t.Errorf("logit %d of image %d is %v, want %v", k, i, g, v)
			}
		}
	}
}

// wholeModel writes the state dict of a whole model: adapter, backbone and the buffers of timm.
func wholeModel(t *testing.T, files ...string) string {
	t.Helper()
	all := tensor.Map{"layers.0.blocks.1.attn_mask": tensor.Zeros(64, 49, 49), "layers.0.blocks.0.attn.relative_position_index": tensor.Zeros(49, 49)}
	for _, file := range files {
		f, err := weight.Open(file)
		expect.NoError(t, err)
		for name, value := range f.Tensors {
			all[""+name] = value
		}
	}
	var b bytes.Buffer
	expect.NoError(t, weight.WriteSafetensors(&b, all, nil))
	path := filepath.Join(t.TempDir(), "whole.safetensors")
	expect.NoError(t, os.WriteFile(path, b.Bytes(), 0o666))
	return path
}

const (
	tinyViT  = "vit:image=16,patch=4,width=16,depth=4,heads=2,mlp=32"
	tinySwin = "swin:image=16,patch=2,window=4,width=16,depths=2-2,heads=2-4"
)

// TestSameFamily: an adapter of another family is named as such, whether its metadata or its tensors tell.
func TestSameFamily(t *testing.T) {
	const vit, swin = "was trained on a ViT, and the backbone random swin:", "was trained on a Swin, and the backbone random vit:"
	down := func(name string, width int) tensor.Map { return tensor.Map{name: tensor.Zeros(2, width)} }
	own := func(family string) result.Meta {
		m := result.Meta{result.KeyMethod: "dtl"}
		if family != "" {
			m[keyFamily] = family
		}
		return m
	}
	several := tensor.Map{"lora_dict.0.lora_A": tensor.Zeros(2, 16), "lora_dict.2.lora_A": tensor.Zeros(2, 32)}
	for _, c := range []struct {
		name    string
		meta    result.Meta
		tensors tensor.Map
		onViT   string // the error, "" for none
		onSwin  string
	}{
		{"own of a Swin", own("swin"), nil, swin, ""},
		{"own of a ViT", own("vit"), nil, "", vit},
		{"own of an earlier version", own(""), nil, "", vit},
		{"own of a later version", own("mixer"), nil, "was trained on a mixer", "was trained on a mixer"},
		{"official DTL of a Swin", nil, several, swin, ""},
		{"official DTL of a ViT", nil, down("lora_dict.0.lora_A", 16), "", vit},
		{"official DTL+ of a Swin", nil, tensor.Map{"lora_fusions.1.weight": tensor.Zeros(32, 1, 5, 5)}, swin, ""},
		{"official DTL+ of a ViT", nil, tensor.Map{"lora_fusion.weight": tensor.Zeros(16, 1, 3, 3)}, "", vit},
		{"official DTL of the last blocks", nil, down("lora_dict.3.lora_A", 16), "", ""},
		{"head alone", nil, tensor.Map{"head.weight": tensor.Zeros(3, 16)}, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			for architecture, want := range map[string]string{tinyViT: c.onViT, tinySwin: c.onSwin} {
				bb := random(t, architecture)
				err := SameFamily(&result.Adapter{Path: "A", Meta: c.meta, Tensors: c.tensors}, bb)
				if want == "" {
					expect.NoError(t, err)
				} else {
					expect.Error(t, err, "adapter A", want)
				}
			}
		})
	}
}

func random(t *testing.T, architecture string) *backbone.Backbone {
	t.Helper()
	arch, err := backbone.Parse(architecture)
	expect.NoError(t, err)
	bb, err := backbone.Random(arch, 1)
	expect.NoError(t, err)
	return bb
}

// TestAssumedFeedback: a file without metadata does not tell where the feedback starts. It is assumed to start where it does with
// the method's defaults, or at the first map if that is later.
func TestAssumedFeedback(t *testing.T) {
	arch, err := backbone.Parse("vit:image=16,patch=4,width=16,depth=8,heads=2,mlp=32")
	expect.NoError(t, err)
	for first, want := range map[string]string{"0": "4", "2": "4", "6": "6"} {
		a := &result.Adapter{Path: "A", Tensors: tensor.Map{"lora_dict." + first + ".lora_A": tensor.Zeros(2, 16)}}
		s, err := Settings(a, runner.MethodConfig{}, arch)
		expect.NoError(t, err)
		if s.Options["side-from"] != first || s.Options["feedback-from"] != want {
			t.Errorf("maps from block %s: %v", first, s.Options)
		}
		s, err = Settings(a, runner.MethodConfig{Options: dtl.Options{"feedback-from": "7"}}, arch)
		if expect.NoError(t, err); s.Options["feedback-from"] != "7" {
			t.Errorf("with a flag: %v", s.Options)
		}
	}
	a := &result.Adapter{Path: "A", Tensors: tensor.Map{"lora_dict.9.lora_A": tensor.Zeros(2, 16)}}
	_, err = Settings(a, runner.MethodConfig{}, arch)
	expect.Error(t, err, "adapter A", "side-from 9 is not possible: choose 0 to 7")
}
