package vit

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/expect"
)

// TestWritten: every family survives as this program writes it, as .npz with a JSON beside it and as a SavedModel, bit for bit, with
// its own head.
func TestWritten(t *testing.T) {
	for name, m := range members {
		bb, _ := loadMember(t, name)
		bb.Pool = m.own
		path := writeNPZ(t, bb.Weights)
		text, err := json.Marshal(bb.Sidecar())
		if err != nil {
			t.Fatal(err)
		}
		if plain := name == "plain"; strings.Contains(string(text), "description") == plain {
			t.Errorf("%s: the sidecar is %s", name, text)
		}
		writeBeside(t, path, map[string]string{"vit.json": string(text)})
		folder := filepath.Join(t.TempDir(), "model")
		if err := bb.Export(folder, "", graph.FP32); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{path, folder} {
			again, err := backbone.Load(t.Context(), path, backbone.Options{})
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if again.Description != bb.Description || again.Weights.SHA256() != bb.Weights.SHA256() {
				t.Errorf("%s: wrote %+v, read %+v from %s", name, bb.Description, again.Description, filepath.Base(path))
			}
		}
		if name == "plain" {
			continue
		}
		if err := os.Remove(backbone.Sidecar(path)); err != nil {
			t.Fatal(err)
		}
		if _, err := backbone.Load(t.Context(), path, backbone.Options{}); err == nil {
			t.Errorf("%s is read without its JSON", name)
		}
	}
}

// TestWrittenPool: an own head of two tokens may stand on the class and the distillation token or, trained so and merged, on the mean and the
// class token. What is written beside the weights decides.
func TestWrittenPool(t *testing.T) {
	for _, pool := range []backbone.Pool{backbone.PoolDistilled, backbone.PoolBoth} {
		bb, _ := loadMember(t, "deit_distilled")
		bb.Pool = pool
		path, folder := writeNPZ(t, bb.Weights), filepath.Join(t.TempDir(), "model")
		text, err := json.Marshal(bb.Sidecar())
		expect.NoError(t, err)
		writeBeside(t, path, map[string]string{"vit.json": string(text)})
		expect.NoError(t, bb.Export(folder, "", graph.FP32))
		for _, path := range []string{path, folder} {
			again, err := backbone.Load(t.Context(), path, backbone.Options{})
			expect.NoError(t, err)
			if again.Pool != pool || again.Classes() == 0 {
				t.Errorf("%s: read as %s, %d classes, from %s", pool, again.Pool, again.Classes(), filepath.Base(path))
			}
		}
	}
}

// TestDescribed: a description that contradicts the tensors is refused.
func TestDescribed(t *testing.T) {
	bb, _ := loadMember(t, "dinov3")
	description := bb.String()
	for old, replaced := range map[string][]string{
		"width=24":                       {"width=32", "the description is of vit:image=12,patch=4,width=32", "those of vit:image=12,patch=4,width=24"},
		"registers=4":                    {"registers=3", "registers=3"},
		"rotary=dinov3":                  {"rotary=spiral", "rotary is one of [dinov3 eva02]"},
		",positions=none":                {"", "set positions to patches or none"},
		",rotary=dinov3":                 {"", "there must be rotary positions"},
		"vit:image=12":                   {"image=12", "unknown architecture"},
		"layer-scale=yes":                {"layer-scale=1", "layer-scale is yes or no"},
		"eps=1e-05":                      {"eps=-1", "eps is not a positive number"},
		"heads=2":                        {"heads=12", "multiple of 4"},
		",qkv-bias=none,layer-scale=yes": {"", "the tensors are those of"},
	} {
		if !strings.Contains(description, old) {
			t.Fatalf("%s is not in %s", old, description)
		}
		path := writeNPZ(t, bb.Weights)
		writeBeside(t, path, map[string]string{"vit.json": `{"description": "` + strings.Replace(description, old, replaced[0], 1) + `"}`})
		_, err := backbone.Load(t.Context(), path, backbone.Options{})
		expect.Error(t, err, append(replaced[1:], "vit.json")...)
	}
	path := writeSafetensors(t, timmNames())
	writeBeside(t, path, map[string]string{"vit.json": `{"description": "vit_b16"}`})
	_, err := backbone.Load(t.Context(), path, backbone.Options{Heads: 2})
	expect.Error(t, err, "only the .npz files of this program have")
}

// TestExportedFamilies: the graph of an exported backbone gives features and logits of the one in memory.
func TestExportedFamilies(t *testing.T) {
	for _, name := range []string{"dinov2_reg4", "dinov3_plus", "siglip_tanh", "deit_distilled", "eva02_base"} {
		bb, want := loadMember(t, name)
		bb.Pool = members[name].own
		bb.Mean, bb.Std = [3]float64{}, [3]float64{1, 1, 1} // the vectors' images are normalised already
		folder := filepath.Join(t.TempDir(), "model")
		if err := bb.Export(folder, "", graph.FP32); err != nil {
			t.Fatal(err)
		}
		exported := serve(t, folder, want["images"])
		computed := compute(t, bb, want["images"], graph.FP32, graph.GPU)
		for output, of := range map[string]string{backbone.FeaturesOutput: string(bb.Pool), backbone.LogitsOutput: "logits"} {
			if _, ok := computed[of]; !ok {
				continue
			}
			if off := farthest(exported[output], computed[of].Float32()); !(off <= 1e-5) {
				t.Errorf("%s: %s is off by %.2g", name, output, off)
			}
		}
	}
}
