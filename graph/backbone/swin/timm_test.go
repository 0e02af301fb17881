package swin

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
	"dtl-tf/graph/tensor"
	"dtl-tf/graph/weight"
)

// TestTimm compares features and logits with timm's in float64, for files with the names of timm 1.x and of timm 0.6.
func TestTimm(t *testing.T) {
	want := vectors(t, "expected.safetensors")
	for name, file := range map[string]tensor.Map{"timm 1": vectors(t, "timm.safetensors"), "timm 0.6": older(vectors(t, "timm.safetensors"))} {
		t.Run(name, func(t *testing.T) {
			bb := load(t, write(t, file), backbone.Options{Image: 56})
			if bb.Architecture != small {
				t.Fatalf("read %+v, want %+v", bb.Architecture, small)
			}
			features, logits := run(t, bb, want["images"], graph.FP32)
			// Float32 has 24 bits, and a value passes through some 60 sums in 7 blocks.
			if e := off(features, want["features"]); !(e <= 1e-5) {
				t.Errorf("features are off by %.2g", e)
			}
			if e := off(logits, want["logits"]); !(e <= 1e-5) {
				t.Errorf("logits are off by %.2g", e)
			}
		})
	}
}

// TestPrecision: bfloat16 keeps 8 bits, so each of the 7 blocks adds two rounded branches with relative errors around 2^-8.
func TestPrecision(t *testing.T) {
	need.NoError(t, graph.BF16.Usable())
	want := vectors(t, "expected.safetensors")
	bb := load(t, filepath.Join("testdata", "timm.safetensors"), backbone.Options{Image: 56})
	_, logits := run(t, bb, want["images"], graph.BF16)
	if e := off(logits, want["logits"]); !(e <= 0.05) {
		t.Errorf("logits are off by %.2g in bfloat16", e)
	}
}

// TestGuesses: what neither file nor flag determines is said, and a config.json beside the file settles it.
func TestGuesses(t *testing.T) {
	m := vectors(t, "timm.safetensors")
	if note := load(t, write(t, m), backbone.Options{}).Note(false); !strings.Contains(note, "guessed, because nothing tells: image size 224, mean") {
		t.Errorf("the note is %q", note)
	}
	bb := load(t, write(t, m), backbone.Options{Image: 56})
	if note := bb.Note(true); !strings.Contains(note, "guessed, because nothing tells: mean [0.485 0.456 0.406], std [0.229 0.224 0.225]") {
		t.Errorf("the note is %q", note)
	}
	path := write(t, m)
	config := `{"architecture": "swin_micro_patch2_window7_56", "num_features": 32, "num_classes": 5, "global_pool": "avg",
		"model_args": {"embed_dim": 8, "depths": [3, 2, 2], "num_heads": [2, 2, 4], "window_size": 7},
		"pretrained_cfg": {"input_size": [3, 56, 56], "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "num_classes": 5}}`
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "config.json"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	bb = load(t, path, backbone.Options{})
	if bb.Architecture != small || bb.Mean != [3]float64{0.5, 0.5, 0.5} {
		t.Errorf("read %+v with mean %v, want %+v", bb.Architecture, bb.Mean, small)
	}
	if note := bb.Note(true); !strings.Contains(note, "from config.json: image size 56") || strings.Contains(note, "guessed") {
		t.Errorf("the note is %q", note)
	}
}

// TestWindowShapes: a stage with a smaller window has a grid of that side, which determines the image size.
func TestWindowShapes(t *testing.T) {
	a := Architecture{Image: 32, Patch: 2, Window: 7, Width: 4, MLP: 8, Depths: Stages{1, 1}, Heads: Stages{1, 1}, Eps: LayerNormEps}
	a.Image = 28 // grids of 14 and 7, all windows of 7
	if read := load(t, writeNPZ(t, random(t, a).Weights), backbone.Options{Image: 28}); read.Architecture != a || read.Sources.Image != backbone.FromFlag {
		t.Errorf("read %+v from %+v, want %+v", read.Architecture, read.Sources, a)
	}
	a.Window, a.Image = 8, 16 // grids of 8 and 4, so windows of 8 and 4
	if read := load(t, writeNPZ(t, random(t, a).Weights), backbone.Options{}); read.Architecture != a || read.Sources.Image != backbone.FromFile {
		t.Errorf("read %+v from %+v, want %+v", read.Architecture, read.Sources, a)
	}
}

// TestResample compares resampled tables with timm's, and checks that another image size resamples the tables of the stages whose
// grid becomes smaller than a window.
func TestResample(t *testing.T) {
	m := vectors(t, "tables.safetensors")
	for _, c := range [][2]int{{7, 12}, {7, 4}, {12, 7}} {
		got, want := resampleTable(m[fmt.Sprintf("table_%d", c[0])], c[1]), m[fmt.Sprintf("table_%d_%d", c[0], c[1])]
		if e := off(got, want); !(e <= 1e-5) { // timm bisects q to 1e-6 and interpolates in float32
			t.Errorf("window %d to %d: off by %.2g", c[0], c[1], e)
		}
	}
	bb := load(t, filepath.Join("testdata", "timm.safetensors"), backbone.Options{Image: 8})
	for stage, w := range []int{4, 2, 1} {
		if got := bb.Weights[fmt.Sprintf("layers.%d.blocks.0/", stage)+tableName].Shape[0]; got != tableRows(w) {
			t.Errorf("stage %d: %d relative positions on a grid of %d, want %d", stage, got, w, tableRows(w))
		}
	}
}

// TestBadFiles: files that make no Swin are refused with their names and with what is wrong.
func TestBadFiles(t *testing.T) {
	const table = "layers.1.blocks.%d.attn.relative_position_bias_table"
	for _, c := range []struct {
		what   string
		change func(m tensor.Map)
		want   []string
	}{
		{"no last stage", func(m tensor.Map) { drop(m, "layers.2.") }, []string{"norm.weight is for a width of 32", "a stage is missing"}},
		{"no middle stage", func(m tensor.Map) { drop(m, "layers.1.") }, []string{"there is a layers.2, but no layers.1", "incomplete"}},
		{"no block", func(m tensor.Map) { drop(m, "layers.0.blocks.1.") }, []string{"there is a layers.0.blocks.2, but no layers.0.blocks.1"}},
		{"a table without a window", func(m tensor.Map) { m[fmt.Sprintf(table, 0)] = tensor.Zeros(170, 2) }, []string{"170 rows are not (2w-1)^2"}},
		{"a larger window later", func(m tensor.Map) { m[fmt.Sprintf(table, 0)] = tensor.Zeros(225, 2) }, []string{"windows of 8 x 8", "7 x 7", "no image fits"}},
		{"unequal tables in a stage", func(m tensor.Map) { m[fmt.Sprintf(table, 1)] = tensor.Zeros(81, 2) }, []string{fmt.Sprintf(table, 1), "[81 2]"}},
		{"heads that do not divide", func(m tensor.Map) {
			for i := range 2 {
				m[fmt.Sprintf(table, i)] = tensor.Zeros(169, 3)
			}
		}, []string{"width of 16 in stage 1 can't be split into 3 heads"}},
		{"no merge", func(m tensor.Map) { drop(m, "layers.1.downsample.norm.bias") }, []string{"layers.1.downsample.norm.bias"}},
		{"an unknown tensor", func(m tensor.Map) { m["layers.0.blocks.0.extra"] = tensor.Zeros(3) }, []string{"a Swin has no place", "layers.0.blocks.0.extra"}},
		{"Swin V2", func(m tensor.Map) { m["layers.0.blocks.0.attn.logit_scale"] = tensor.Zeros(2, 1, 1) }, []string{"Swin V2", "does not compute"}},
		{"absolute positions", func(m tensor.Map) { m["absolute_pos_embed"] = tensor.Zeros(1, 784, 8) }, []string{"absolute position embeddings"}},
		{"no norm of the embedding", func(m tensor.Map) { drop(m, "patch_embed.norm.") }, []string{"no norm of its patch embedding"}},
	} {
		t.Run(c.what, func(t *testing.T) {
			m := vectors(t, "timm.safetensors")
			c.change(m)
			path := write(t, m)
			_, err := backbone.Load(t.Context(), path, backbone.Options{Image: 56})
			expect.Error(t, err, append(c.want, path)...)
		})
	}
}

func drop(m tensor.Map, prefix string) {
	maps.DeleteFunc(m, func(name string, _ tensor.Tensor) bool { return strings.HasPrefix(name, prefix) })
}

func random(t *testing.T, a Architecture) *backbone.Backbone {
	t.Helper()
	bb, err := backbone.Random(a, 3)
	expect.NoError(t, err)
	return bb
}

func writeNPZ(t *testing.T, m tensor.Map) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "swin.npz")
	f, err := os.Create(path)
	expect.NoError(t, err)
	expect.NoError(t, weight.WriteNPZ(f, m))
	expect.NoError(t, f.Close())
	return path
}
