package vit

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/expect"
)

// copyMember copies a file of testdata/family to a new folder, with files beside it.
func copyMember(t *testing.T, name string, files map[string]string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "family", name+".safetensors"))
	expect.NoError(t, err)
	path := filepath.Join(t.TempDir(), "model.safetensors")
	expect.NoError(t, os.WriteFile(path, raw, 0o600))
	writeBeside(t, path, files)
	return path
}

// loadMemberWith loads a copy of a file of testdata/family.
func loadMemberWith(t *testing.T, name string, files map[string]string, o backbone.Options) (*backbone.Backbone, error) {
	t.Helper()
	o.Beside = func(name string) bool { return strings.HasPrefix(name, expectedPrefix) }
	return backbone.Load(t.Context(), copyMember(t, name, files), o)
}

// hub is the config.json that transformers writes for a network of testdata/family, with further keys.
func hub(modelType, more string) string {
	return fmt.Sprintf(`{"model_type": %q, "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 12, "patch_size": 4%s}`, modelType, more)
}

// TestCompanions checks, for every lineage, that everything that the files beside the weights say is used, and that what they leave
// out has the value that their program gives it.
func TestCompanions(t *testing.T) {
	const config, pre, clipConfig = "config.json", "preprocessor_config.json", "open_clip_config.json"
	timm := func(architecture, more string) string {
		return fmt.Sprintf(`{"architecture": %q, "num_features": 24, "model_args": {"num_heads": 2}, "pretrained_cfg": {"input_size": [3, 12, 12]%s}}`, architecture, more)
	}
	file, lineage, guess := backbone.FromFile, backbone.FromLineage, backbone.FromGuess
	for _, c := range []struct {
		what, member string
		files        map[string]string
		heads        int // option
		eps          float64
		activation   backbone.Activation
		mean         [3]float64
		sources      backbone.Sources
		notes        []string
	}{
		{"nothing", "dinov2", nil, 2, 1e-6, backbone.GELU, imageNetMean, backbone.Sources{Blocks: lineage, Heads: backbone.FromFlag, Image: file, Eps: lineage, Mean: lineage, Std: lineage, Pool: lineage}, nil},
		{"nothing for CLIP", "clip", nil, 2, 1e-5, backbone.GELU, clipMean, backbone.Sources{Blocks: lineage, Heads: backbone.FromFlag, Image: file, Eps: lineage, Activation: guess, Mean: lineage, Std: lineage, Pool: lineage}, []string{"guessed, because nothing tells: activation gelu"}},
		{"DINOv2", "dinov2", map[string]string{config: hub("dinov2", `, "mlp_ratio": 2, "hidden_act": "gelu", "layer_norm_eps": 1e-6`)}, 0, 1e-6, backbone.GELU, imageNetMean,
			backbone.Sources{Blocks: lineage, Heads: config, Image: file, Eps: config, Mean: lineage, Std: lineage, Pool: lineage}, nil},
		{"DINOv2 with registers", "dinov2_reg4", map[string]string{config: hub("dinov2_with_registers", "")}, 0, 1e-6, backbone.GELU, imageNetMean,
			backbone.Sources{Blocks: lineage, Heads: config, Image: file, Eps: config, Mean: lineage, Std: lineage, Pool: lineage}, nil},
		{"DINOv2's giant", "dinov2_giant", map[string]string{config: hub("dinov2", `, "mlp_ratio": 4, "use_swiglu_ffn": true, "hidden_act": "gelu"`)}, 0, 1e-6, backbone.GELU, imageNetMean,
			backbone.Sources{Blocks: lineage, Heads: config, Image: file, Eps: config, Mean: lineage, Std: lineage, Pool: lineage}, nil},
		{"DINOv3 of satellite images", "dinov3", map[string]string{config: hub("dinov3_vit", `, "num_register_tokens": 4, "rope_theta": 100.0`), pre: `{"image_mean": [0.43, 0.411, 0.296], "image_std": [0.213, 0.156, 0.143], "resample": 2}`},
			0, 1e-5, backbone.GELU, [3]float64{0.43, 0.411, 0.296}, backbone.Sources{Blocks: lineage, Heads: config, Image: config, Eps: config, Mean: pre, Std: pre, Pool: lineage},
			[]string{"preprocessor_config.json says that its images were resized by bilinear interpolation, here it is bicubic"}},
		{"DINOv3 with SwiGLU", "dinov3_plus", map[string]string{config: hub("dinov3_vit", `, "num_register_tokens": 4, "use_gated_mlp": true, "hidden_act": "silu", "rope_parameters": {"rope_theta": 100}, "intermediate_size": 16`)},
			0, 1e-5, backbone.GELU, imageNetMean, backbone.Sources{Blocks: lineage, Heads: config, Image: config, Eps: config, Mean: lineage, Std: lineage, Pool: lineage}, nil},
		{"CLIP of OpenAI, whole", "clip", map[string]string{config: `{"model_type": "clip", "text_config": {"model_type": "clip_text_model", "hidden_size": 512}, "vision_config": ` + hub("clip_vision_model", `, "intermediate_size": 48`) + `}`}, 0, 1e-5, backbone.QuickGELU, clipMean,
			backbone.Sources{Blocks: lineage, Heads: config, Image: file, Eps: config, Activation: config, Mean: lineage, Std: lineage, Pool: lineage}, []string{"activation quick_gelu"}},
		{"CLIP of LAION", "clip", map[string]string{config: hub("clip_vision_model", `, "hidden_act": "gelu"`)}, 0, 1e-5, backbone.GELU, clipMean,
			backbone.Sources{Blocks: lineage, Heads: config, Image: file, Eps: config, Activation: config, Mean: lineage, Std: lineage, Pool: lineage}, nil},
		{"SigLIP with little in it", "siglip", map[string]string{config: `{"model_type": "siglip", "text_config": {}, "vision_config": {"hidden_size": 24, "num_attention_heads": 2}}`}, 0, 1e-6, backbone.TanhGELU, half,
			backbone.Sources{Blocks: lineage, Heads: config, Image: file, Eps: config, Activation: config, Mean: lineage, Std: lineage, Pool: lineage}, nil},
		{"SigLIP2", "siglip", map[string]string{config: `{"model_type": "siglip", "vision_config": ` + hub("siglip_vision_model", `, "hidden_act": "gelu_pytorch_tanh", "layer_norm_eps": 1e-6`) + `}`, pre: `{"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "resample": 2}`},
			0, 1e-6, backbone.TanhGELU, half, backbone.Sources{Blocks: lineage, Heads: config, Image: file, Eps: config, Activation: config, Mean: pre, Std: pre, Pool: lineage}, []string{"bilinear"}},
		{"MAE", "plain", map[string]string{config: hub("vit_mae", "")}, 0, 1e-12, backbone.GELU, imageNetMean,
			backbone.Sources{Blocks: config, Heads: config, Image: file, Eps: config, Mean: config, Std: config, Pool: guess}, nil},
		{"MAE as told", "plain", map[string]string{config: hub("vit_mae", ""), pre: `{"image_mean": [0.4, 0.5, 0.6], "image_std": [0.1, 0.2, 0.3]}`}, 0, 1e-12, backbone.GELU, [3]float64{0.4, 0.5, 0.6},
			backbone.Sources{Blocks: config, Heads: config, Image: file, Eps: config, Mean: pre, Std: pre, Pool: guess}, nil},
		{"ViT, of which there are several", "plain", map[string]string{config: hub("vit", `, "layer_norm_eps": 1e-6`)}, 0, 1e-6, backbone.GELU, half,
			backbone.Sources{Blocks: config, Heads: config, Image: file, Eps: config, Mean: guess, Std: guess, Pool: guess}, []string{"guessed, because nothing tells: mean [0.5 0.5 0.5], std [0.5 0.5 0.5]"}},
		{"distilled DeiT", "deit_distilled", map[string]string{config: hub("deit", "")}, 0, 1e-12, backbone.GELU, imageNetMean,
			backbone.Sources{Blocks: lineage, Heads: config, Image: file, Eps: config, Mean: lineage, Std: lineage, Pool: file}, nil},

		{"timm's CLIP with QuickGELU", "clip", map[string]string{config: timm("vit_base_patch16_clip_quickgelu_224", `, "mean": [0.1, 0.2, 0.3], "std": [1, 1, 1]`)}, 0, 1e-5, backbone.QuickGELU, [3]float64{0.1, 0.2, 0.3},
			backbone.Sources{Blocks: lineage, Heads: config, Image: file, Eps: config, Activation: config, Mean: config, Std: config, Pool: lineage}, nil},
		{"timm's CLIP with weights of QuickGELU", "clip", map[string]string{config: timm("vit_base_patch16_clip_224", `, "notes": ["natively QuickGELU, use quickgelu model for original results"]`)}, 0, 1e-5, backbone.QuickGELU, clipMean,
			backbone.Sources{Blocks: lineage, Heads: config, Image: file, Eps: config, Activation: config, Mean: lineage, Std: lineage, Pool: lineage}, []string{"network with QuickGELU, which is computed, though timm computes GELU under the name vit_base_patch16_clip_224"}},
		{"timm's argument", "clip", map[string]string{config: strings.Replace(timm("vit_base_patch16_clip_224", ""), `"num_heads": 2`, `"num_heads": 2, "act_layer": "quick_gelu"`, 1)}, 0, 1e-5, backbone.QuickGELU, clipMean,
			backbone.Sources{Blocks: lineage, Heads: config, Image: file, Eps: config, Activation: config, Mean: lineage, Std: lineage, Pool: lineage}, nil},
		{"timm's SigLIP2", "siglip", map[string]string{config: timm("vit_so400m_patch16_siglip_256", `, "interpolation": "bicubic"`)}, 0, 1e-6, backbone.TanhGELU, half,
			backbone.Sources{Blocks: lineage, Heads: config, Image: file, Eps: config, Activation: config, Mean: lineage, Std: lineage, Pool: lineage}, nil},
		{"timm's DINOv3", "dinov3", map[string]string{config: timm("vit_small_patch16_dinov3", `, "interpolation": "bilinear"`)}, 0, 1e-5, backbone.GELU, imageNetMean,
			backbone.Sources{Blocks: lineage, Heads: config, Image: config, Eps: config, Mean: lineage, Std: lineage, Pool: lineage}, []string{"config.json says that its images were resized by bilinear"}},

		{"our own file", "clip", map[string]string{"model.json": `{"activation": "quick_gelu", "heads": 2}`}, 0, 1e-5, backbone.QuickGELU, clipMean,
			backbone.Sources{Blocks: lineage, Heads: "model.json", Image: file, Eps: lineage, Activation: "model.json", Mean: lineage, Std: lineage, Pool: lineage}, nil},
		{"OpenCLIP", "clip", map[string]string{clipConfig: `{"model_cfg": {"embed_dim": 8, "vision_cfg": {"image_size": 12, "layers": 2, "width": 24, "patch_size": 4, "head_width": 12, "mlp_ratio": 2}, "text_cfg": {}, "quick_gelu": true},
			"preprocess_cfg": {"mean": [0.1, 0.2, 0.3], "std": [1, 1, 1]}}`}, 0, 1e-5, backbone.QuickGELU, [3]float64{0.1, 0.2, 0.3},
			backbone.Sources{Blocks: lineage, Heads: clipConfig, Image: file, Eps: clipConfig, Activation: clipConfig, Mean: clipConfig, Std: clipConfig, Pool: lineage}, nil},
		{"OpenCLIP with a network of timm's", "siglip", map[string]string{clipConfig: `{"model_cfg": {"vision_cfg": {"timm_model_name": "vit_so400m_patch16_siglip_256", "image_size": 12}}}`}, 2, 1e-6, backbone.TanhGELU, half,
			backbone.Sources{Blocks: lineage, Heads: backbone.FromFlag, Image: file, Eps: clipConfig, Activation: clipConfig, Mean: lineage, Std: lineage, Pool: lineage}, nil},
	} {
		t.Run(c.what, func(t *testing.T) {
			bb, err := loadMemberWith(t, c.member, c.files, backbone.Options{Heads: c.heads})
			expect.NoError(t, err)
			if bb.Heads() != 2 || bb.ImageSize() != 12 || bb.NormEps() != c.eps || bb.Activation() != c.activation || bb.Mean != c.mean || bb.Sources != c.sources {
				t.Errorf("read %+v, activation %s\nfrom %+v, want eps %v, activation %s, mean %v\nfrom %+v", bb.Description, bb.Activation(), bb.Sources, c.eps, c.activation, c.mean, c.sources)
			}
			note := bb.Note(false)
			for _, text := range c.notes {
				if !strings.Contains(note, text) {
					t.Errorf("the note is %q, it lacks %q", note, text)
				}
			}
		})
	}
}

// TestCompanionContradictions checks that a config.json of another network is refused, with the values of both sides.
func TestCompanionContradictions(t *testing.T) {
	for _, c := range []struct {
		what, member, file, content string
		want                        []string
	}{
		{"other lineage", "clip", "config.json", hub("dinov2", ""), []string{`model_type "dinov2" is a DINOv2 there, the tensors are those of a CLIP`}},
		{"plain", "dinov2", "config.json", hub("vit", ""), []string{`model_type "vit" is a plain ViT there, the tensors are those of a DINOv2`}},
		{"nested", "siglip", "config.json", `{"model_type": "clip", "vision_config": ` + hub("clip_vision_model", "") + `}`, []string{`model_type "clip_vision_model" is a CLIP there, the tensors are those of a SigLIP`}},
		{"nested size", "siglip", "config.json", `{"model_type": "siglip", "vision_config": {"hidden_size": 1152}}`, []string{"hidden_size is 1152 there, the tensors have 24"}},
		{"no registers there", "dinov2_reg4", "config.json", hub("dinov2", ""), []string{"num_register_tokens is 0 there, the tensors have 4"}},
		{"no registers here", "dinov2", "config.json", hub("dinov2_with_registers", ""), []string{"num_register_tokens is 4 there, the tensors have 0"}},
		{"MLP", "dinov2", "config.json", hub("dinov2", `, "mlp_ratio": 4`), []string{"hidden_size * mlp_ratio is 96 there, the tensors have 48"}},
		{"rotary positions", "dinov3", "config.json", hub("dinov3_vit", `, "num_register_tokens": 4, "rope_theta": 10000`), []string{"rope_theta is 10000"}},
		{"gated MLP", "dinov3_plus", "config.json", hub("dinov3_vit", `, "num_register_tokens": 4, "use_gated_mlp": true, "hidden_act": "gelu"`), []string{`hidden_act is "gelu" in a gated MLP`}},
		{"our own file", "clip", "model.json", `{"activation": "relu"}`, []string{`unknown activation "relu"`, "quick_gelu"}},
		{"activation", "clip", "config.json", hub("clip_vision_model", `, "hidden_act": "relu"`), []string{`hidden_act is "relu"`}},
		{"image", "clip", "config.json", strings.Replace(hub("clip_vision_model", ""), `"image_size": 12`, `"image_size": [224, 224]`, 1), []string{"image_size is 224 there, the tensors have 12"}},
		{"oblong image", "clip", "config.json", strings.Replace(hub("clip_vision_model", ""), `"image_size": 12`, `"image_size": [224, 112]`, 1), []string{"[224, 112] is no square"}},
		{"a vision_config of another form", "clip", "config.json", `{"model_type": "clip", "vision_config": 3}`, []string{"vision_config"}},
		{"OpenCLIP's sizes", "clip", "open_clip_config.json", `{"model_cfg": {"vision_cfg": {"layers": 2, "width": 48, "head_width": 24, "patch_size": 4}}}`, []string{"width is 48 there, the tensors have 24"}},
		{"OpenCLIP's ResNet", "clip", "open_clip_config.json", `{"model_cfg": {"vision_cfg": {"layers": [3, 4, 6, 3], "width": 64}}}`, []string{"ResNet"}},
		{"CoCa", "clip", "open_clip_config.json", `{"model_cfg": {"vision_cfg": {"layers": 2, "width": 24, "head_width": 12, "mlp_ratio": 2, "attentional_pool": true}}}`, []string{"CoCa"}},
		{"OpenCLIP with a ConvNeXt", "clip", "open_clip_config.json", `{"model_cfg": {"vision_cfg": {"timm_model_name": "convnext_base"}}}`, []string{"convnext_base"}},
		{"DeiT-III", "deit3", "config.json", `{"architecture": "vit_base_patch14_dinov2"}`, []string{"is a DINOv2 there, the tensors are those of a DeiT-III"}},
	} {
		t.Run(c.what, func(t *testing.T) {
			_, err := loadMemberWith(t, c.member, map[string]string{c.file: c.content}, backbone.Options{Heads: 2})
			expect.Error(t, err, append(c.want, c.file)...)
		})
	}
}

// TestFlagsAgainstFiles checks that a flag that contradicts a file, or the kind of the network, is obeyed and noted.
func TestFlagsAgainstFiles(t *testing.T) {
	given := [3]float64{0.7, 0.7, 0.7}
	files := map[string]string{"preprocessor_config.json": `{"image_mean": [0.4, 0.5, 0.6], "image_std": [0.1, 0.2, 0.3]}`}
	for _, c := range []struct {
		member string
		files  map[string]string
		want   []string
	}{
		{"dinov2", files, []string{"mean [0.7 0.7 0.7] as given, in place of the [0.4 0.5 0.6] of preprocessor_config.json", "std [0.7 0.7 0.7] as given, in place of the [0.1 0.2 0.3] of preprocessor_config.json"}},
		{"dinov2", nil, []string{"mean [0.7 0.7 0.7] as given, in place of the [0.485 0.456 0.406] of a DINOv2"}},
		{"plain", nil, nil},
	} {
		bb, err := loadMemberWith(t, c.member, c.files, backbone.Options{Heads: 2, Mean: &given, Std: &given})
		expect.NoError(t, err)
		note := bb.Note(true)
		for _, text := range c.want {
			if !strings.Contains(note, text) {
				t.Errorf("%s: the note is %q, it lacks %q", c.member, note, text)
			}
		}
		if c.want == nil && strings.Contains(note, "in place of") {
			t.Errorf("%s: the note is %q, though nothing contradicts", c.member, note)
		}
		if bb.Mean != given || bb.Std != given || bb.Sources.Mean != backbone.FromFlag || bb.Sources.Std != backbone.FromFlag {
			t.Errorf("%s: mean %v (%s), std %v (%s)", c.member, bb.Mean, bb.Sources.Mean, bb.Std, bb.Sources.Std)
		}
	}
	same := [3]float64{0.4, 0.5, 0.6}
	bb, err := loadMemberWith(t, "dinov2", files, backbone.Options{Heads: 2, Mean: &same})
	expect.NoError(t, err)
	if note := bb.Note(true); strings.Contains(note, "in place of") {
		t.Errorf("the note is %q, though the flag says what the file says", note)
	}
}
