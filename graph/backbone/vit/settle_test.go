package vit

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/expect"
	"dtl-tf/graph/limit"
	"dtl-tf/graph/tensor"
)

// Companion files as timm and transformers write them for a network of the sizes of timmNames.
const (
	timmConfig = `{"architecture": "vit_small_patch4_8", "num_classes": 0, "num_features": 6, "global_pool": "token",
		"model_args": {"embed_dim": 6, "depth": 2, "num_heads": 3, "patch_size": 4, "drop_rate": 0.1},
		"pretrained_cfg": {"mean": [0.4, 0.5, 0.6], "std": [0.1, 0.2, 0.3], "input_size": [3, 8, 8], "crop_pct": 0.9}}`
	oldTimmConfig = `{"architecture": "vit_small_patch4_8", "model_args": {"embed_dim": 6, "num_heads": 3},
		"mean": [0.4, 0.5, 0.6], "std": [0.1, 0.2, 0.3], "input_size": [3, 8, 8]}`
	transformersConfig = `{"model_type": "vit", "hidden_size": 6, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 10,
		"image_size": 8, "patch_size": 4, "layer_norm_eps": 1e-12, "hidden_act": "gelu", "qkv_bias": true}`
	preprocessorConfig = `{"image_mean": [0.4, 0.5, 0.6], "image_std": [0.1, 0.2, 0.3], "do_normalize": true, "rescale_factor": 0.00392156862745098, "size": 224}`
)

// writeBeside writes files, by name, to the folder of a weight file.
func writeBeside(t *testing.T, path string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func sources(blocks, heads, eps, mean, std, pool backbone.Source) backbone.Sources {
	return backbone.Sources{Blocks: blocks, Heads: heads, Image: backbone.FromFile, Eps: eps, Mean: mean, Std: std, Pool: pool}
}

func every(s backbone.Source) backbone.Sources { return sources(s, s, s, s, s, s) }

// TestSources checks that every value comes from the source with the highest precedence (flag, sidecar, files of other programs,
// format, guess), and that its source is recorded.
func TestSources(t *testing.T) {
	mean, std, given := [3]float64{0.4, 0.5, 0.6}, [3]float64{0.1, 0.2, 0.3}, [3]float64{0.7, 0.7, 0.7}
	const config, pre, side = "config.json", "preprocessor_config.json", "vit.json"
	for _, c := range []struct {
		what    string
		files   map[string]string
		options backbone.Options
		heads   int
		eps     float64
		mean    [3]float64
		std     [3]float64
		sources backbone.Sources
		note    string // "": none
	}{
		{"nothing", nil, backbone.Options{Heads: 2}, 2, 1e-6, half, half, sources(backbone.FromGuess, backbone.FromFlag, backbone.FromGuess, backbone.FromGuess, backbone.FromGuess, backbone.FromGuess), "guessed, because nothing tells: pre-norm blocks with GELU, layer_norm_eps 1e-06, mean [0.5 0.5 0.5], std [0.5 0.5 0.5] (flags, vit.json,"},
		{"timm", map[string]string{config: timmConfig}, backbone.Options{}, 3, 1e-6, mean, std, every(config), "from config.json: pre-norm blocks with GELU, 3 heads, layer_norm_eps 1e-06, mean [0.4 0.5 0.6], std [0.1 0.2 0.3]"},
		{"old timm", map[string]string{config: oldTimmConfig}, backbone.Options{}, 3, 1e-6, mean, std, sources(config, config, config, config, config, backbone.FromGuess), "from config.json"},
		{"transformers", map[string]string{config: transformersConfig, pre: preprocessorConfig}, backbone.Options{}, 3, 1e-12, mean, std, sources(config, config, config, pre, pre, backbone.FromGuess), "from preprocessor_config.json: mean [0.4 0.5 0.6], std [0.1 0.2 0.3]"},
		{"not normalised", map[string]string{pre: `{"do_normalize": false, "image_mean": [0.5, 0.5, 0.5]}`}, backbone.Options{Heads: 2}, 2, 1e-6, [3]float64{}, [3]float64{1, 1, 1}, sources(backbone.FromGuess, backbone.FromFlag, backbone.FromGuess, pre, pre, backbone.FromGuess), "mean [0 0 0], std [1 1 1]"},
		{"config of the weights' name", map[string]string{side: timmConfig}, backbone.Options{}, 3, 1e-6, mean, std, every(side), "from vit.json: "},
		{"sidecar first", map[string]string{side: `{"mean": [0.1, 0.1, 0.1], "heads": 1, "layer_norm_eps": 1e-5}`, config: timmConfig}, backbone.Options{}, 1, 1e-5, [3]float64{0.1, 0.1, 0.1}, std, sources(config, side, side, side, config, config), "from config.json: pre-norm blocks with GELU, std [0.1 0.2 0.3]"},
		{"flags first", map[string]string{side: `{"mean": [0.1, 0.1, 0.1]}`, config: timmConfig}, backbone.Options{Heads: 2, Mean: &given, Std: &given}, 2, 1e-6, given, given, sources(config, backbone.FromFlag, config, backbone.FromFlag, backbone.FromFlag, config), "2 heads as asked for, in place of the 3 of config.json"},
		{"an adapter's epsilon", map[string]string{config: transformersConfig}, backbone.Options{Eps: 1e-6}, 3, 1e-6, half, half, sources(config, config, backbone.FromAdapter, backbone.FromGuess, backbone.FromGuess, backbone.FromGuess), "layer_norm_eps 1e-06 as the adapter was trained, in place of the 1e-12 of config.json"},
		{"another program's config", map[string]string{config: `{"port": 80}`}, backbone.Options{Heads: 2}, 2, 1e-6, half, half, sources(backbone.FromGuess, backbone.FromFlag, backbone.FromGuess, backbone.FromGuess, backbone.FromGuess, backbone.FromGuess), "guessed"},
	} {
		t.Run(c.what, func(t *testing.T) {
			path := writeSafetensors(t, timmNames())
			writeBeside(t, path, c.files)
			bb, err := backbone.Load(t.Context(), path, c.options)
			if err != nil {
				t.Fatal(err)
			}
			if bb.Heads() != c.heads || bb.NormEps() != c.eps || bb.Mean != c.mean || bb.Std != c.std || bb.Sources != c.sources {
				t.Errorf("read %+v from %+v, want %d heads, eps %v, mean %v, std %v from %+v", bb.Description, bb.Sources, c.heads, c.eps, c.mean, c.std, c.sources)
			}
			if note := bb.Note(false); !strings.Contains(note, c.note) || strings.Contains(note, "\n") {
				t.Errorf("the note is %q, want one line with %q", note, c.note)
			}
		})
	}
}

// TestNoNote checks that nothing is guessed if format, file and sidecar determine all values.
func TestNoNote(t *testing.T) {
	path := writeNPZ(t, random(t, tiny).Weights)
	writeBeside(t, path, map[string]string{"vit.json": `{"mean": [0.1, 0.1, 0.1]}`})
	bb, err := backbone.Load(t.Context(), path, backbone.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if want := (sources(backbone.FromFormat, backbone.FromFile, backbone.FromFormat, "vit.json", backbone.FromFormat, backbone.FromFormat)); bb.Sources != want || bb.Note(true) != "" {
		t.Errorf("sources %+v, note %q; want %+v and none", bb.Sources, bb.Note(true), want)
	}
}

// TestContradictions checks that a companion file that contradicts the tensors is refused, and that the error names both files.
func TestContradictions(t *testing.T) {
	change := func(text, old, new string) string {
		if !strings.Contains(text, old) {
			t.Fatalf("%s is not in %s", old, text)
		}
		return strings.Replace(text, old, new, 1)
	}
	for _, c := range []struct {
		what, file, content string
		want                []string
	}{
		{"width", "config.json", change(transformersConfig, `"hidden_size": 6`, `"hidden_size": 768`), []string{"hidden_size is 768 there, the tensors have 6"}},
		{"depth", "config.json", change(transformersConfig, `_layers": 2`, `_layers": 12`), []string{"num_hidden_layers is 12 there, the tensors have 2"}},
		{"heads", "config.json", change(transformersConfig, `heads": 3`, `heads": 4`), []string{"4 heads", "width of 6"}},
		{"classes", "config.json", change(transformersConfig, `{`, `{"num_labels": 5, `), []string{"labels is 5 there, the tensors have 7"}},
		{"activation", "config.json", change(transformersConfig, `"gelu"`, `"relu"`), []string{`hidden_act is "relu"`, "does not compute"}},
		{"type", "config.json", change(transformersConfig, `"vit"`, `"dinov2"`), []string{`model_type "dinov2" is a DINOv2 there, the tensors are those of a plain ViT`}},
		{"an unknown type", "config.json", change(transformersConfig, `"vit"`, `"levit"`), []string{`model_type "levit"`, "no plain ViT"}},
		{"registers", "config.json", change(transformersConfig, `"vit"`, `"dinov2_with_registers"`), []string{"num_register_tokens is 4 there, the tensors have 0"}},
		{"timm's name", "config.json", `{"architecture": "vit_base_patch16_224"}`, []string{"vit_base_patch16_224: width is 768 there, the tensors have 6"}},
		{"timm's other names", "config.json", `{"architecture": "vit_base_patch16_rpn_224"}`, []string{"rpn", "no plain ViT"}},
		{"timm's arguments", "config.json", change(timmConfig, `"drop_rate": 0.1`, `"act_layer": "relu"`), []string{`act_layer is "relu"`}},
		{"timm's unknown arguments", "config.json", change(timmConfig, `"drop_rate": 0.1`, `"qk_scale": 2`), []string{"model_args set qk_scale"}},
		{"timm's name of another kind", "config.json", change(timmConfig, "vit_small_patch4_8", "vit_small_patch14_dinov2"), []string{"architecture vit_small_patch14_dinov2 is a DINOv2 there", "a plain ViT"}},
		{"timm's pooling", "config.json", change(timmConfig, `"token"`, `"map"`), []string{"pooling is map", "needs attention pooling"}},
		{"timm's other pooling", "config.json", change(timmConfig, `"token"`, `"avgmax"`), []string{"global_pool", "avgmax"}},
		{"timm's size", "config.json", change(timmConfig, "[3, 8, 8]", "[3, 16, 16]"), []string{"input_size is 16 there, the tensors have 8"}},
		{"scale of pixels", "preprocessor_config.json", `{"image_mean": [0, 0, 0], "rescale_factor": 0.00784313725490196}`, []string{"pixels"}},
		{"no JSON", "config.json", `{"architecture": `, []string{"unexpected end"}},
		{"two channels", "preprocessor_config.json", `{"image_mean": [0.5, 0.5]}`, []string{"mean has 2 numbers"}},
		{"sidecar", "vit.json", `{"mean": [0.5, 0.5, 0.5], "input_mean": [0, 0, 0]}`, []string{`"input_mean" is unknown`, "mean, std, pool"}},
	} {
		t.Run(c.what, func(t *testing.T) {
			m := timmNames()
			m["head.weight"], m["head.bias"] = tensor.Zeros(7, 6), tensor.Zeros(7)
			path := writeSafetensors(t, m)
			writeBeside(t, path, map[string]string{c.file: c.content})
			_, err := backbone.Load(t.Context(), path, backbone.Options{})
			expect.Error(t, err, append(c.want, filepath.Join(filepath.Dir(path), c.file))...)
		})
	}
	path := writeSafetensors(t, timmNames())
	writeBeside(t, path, map[string]string{"config.json": timmConfig, "preprocessor_config.json": change(preprocessorConfig, "0.4", "0.3")})
	_, err := backbone.Load(t.Context(), path, backbone.Options{})
	expect.Error(t, err, "config.json says that its mean is [0.4 0.5 0.6]", "preprocessor_config.json says [0.3 0.5 0.6]")
}

// TestConfigOfAnother checks a folder with several weight files: a config.json that fits is used, one that does not is ignored, and
// the note says so in both cases.
func TestConfigOfAnother(t *testing.T) {
	path := writeSafetensors(t, timmNames())
	writeBeside(t, path, map[string]string{"other.npz": "", "config.json": strings.Replace(timmConfig, `"num_features": 6`, `"num_features": 12`, 1)})
	bb, err := backbone.Load(t.Context(), path, backbone.Options{Heads: 2})
	if err != nil {
		t.Fatal(err)
	}
	if note := bb.Note(true); bb.Sources.Mean != backbone.FromGuess || !strings.Contains(note, "config.json is not used, it is of another model: num_features is 12 there, the tensors have 6") {
		t.Errorf("mean from %s, note %q", bb.Sources.Mean, note)
	}
	writeBeside(t, path, map[string]string{"config.json": timmConfig})
	if bb, err = backbone.Load(t.Context(), path, backbone.Options{}); err != nil || bb.Sources.Mean != "config.json" {
		t.Errorf("%v, mean from %s", err, bb.Sources.Mean)
	}
}

// TestHugeConfig checks that a huge companion file is refused before memory is allocated for it.
func TestHugeConfig(t *testing.T) {
	for _, name := range []string{"config.json", "preprocessor_config.json", "vit.json"} {
		path := writeSafetensors(t, timmNames())
		writeBeside(t, path, map[string]string{name: "{}"})
		if err := os.Truncate(filepath.Join(filepath.Dir(path), name), limit.Text+1); err != nil {
			t.Fatal(err)
		}
		_, err := backbone.Load(t.Context(), path, backbone.Options{Heads: 2})
		expect.Error(t, err, name, fmt.Sprintf("%d bytes are more than the limit", limit.Text+1))
	}
}

// TestPooledNorm checks timm's fc_norm, which like this program's last norm comes after the pooling. The kind of pooling must be
// specified.
func TestPooledNorm(t *testing.T) {
	for text, want := range map[string]backbone.Pool{strings.Replace(timmConfig, `"token"`, `"avg"`, 1): backbone.PoolMean, timmConfig: backbone.PoolClass} {
		m := timmNames()
		rename(m, "norm.", "fc_norm.")
		path := writeSafetensors(t, m)
		writeBeside(t, path, map[string]string{"config.json": text})
		bb, err := backbone.Load(t.Context(), path, backbone.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if bb.Pool != want || bb.Weights[finalBias].Float32()[3] != m["fc_norm.bias"].Float32()[3] {
			t.Errorf("pool %s, want %s; bias %v", bb.Pool, want, bb.Weights[finalBias])
		}
	}
}

// TestNormedMean: timm's global_pool "avg" without fc_norm averages tokens that are normalised before.
func TestNormedMean(t *testing.T) {
	m := timmNames()
	m["head.weight"], m["head.bias"] = tensor.Zeros(7, 6), tensor.Zeros(7)
	path := writeSafetensors(t, m)
	writeBeside(t, path, map[string]string{"config.json": strings.Replace(timmConfig, `"token"`, `"avg"`, 1)})
	bb, err := backbone.Load(t.Context(), path, backbone.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !bb.Architecture.(Architecture).NormedMean || bb.Pool != backbone.PoolMean {
		t.Errorf("read %v with pool %s", bb.Architecture, bb.Pool)
	}
}

// TestSidecarKeepsEps checks that an unusual epsilon survives in the sidecar written beside a trained backbone.
func TestSidecarKeepsEps(t *testing.T) {
	d := random(t, tiny).Description
	d.Architecture = d.With(backbone.Sizes{Eps: 1e-5})
	if s := d.Sidecar(); s.Eps != 1e-5 || *s.Pool != backbone.PoolClass {
		t.Errorf("the sidecar says %+v", s)
	}
}
