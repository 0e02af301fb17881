package backbone

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
)

// modelType is what a model_type of Hugging Face transformers implies where a config.json is silent: the defaults of its
// configuration class (transformers 5.24, configuration_*.py; test vectors by scripts/make_config_vectors.py), and the normalisation
// with which all its published networks were trained.
type modelType struct {
	lineages   []string // that its networks may have, see Architecture.Lineage
	heads      int
	eps        float64
	activation Activation
	registers  int
	normalised *normalisation // nil: its published networks differ
}

// normalisation is the mean and the standard deviation of images in 0..1, by channel.
type normalisation struct{ mean, std []float64 }

// The normalisations of published networks (transformers, image_utils.py).
var (
	imageNet = &normalisation{[]float64{0.485, 0.456, 0.406}, []float64{0.229, 0.224, 0.225}}
	halves   = &normalisation{[]float64{0.5, 0.5, 0.5}, []float64{0.5, 0.5, 0.5}}
	openAI   = &normalisation{[]float64{0.48145466, 0.4578275, 0.40821073}, []float64{0.26862954, 0.26130258, 0.27577711}}
)

var modelTypes = map[string]modelType{
	"vit":                   {[]string{""}, 12, 1e-12, GELU, 0, nil}, // Google's, DeiT and DINO
	"vit_mae":               {[]string{""}, 12, 1e-12, GELU, 0, imageNet},
	"vit_msn":               {[]string{""}, 12, 1e-6, GELU, 0, imageNet},
	"deit":                  {[]string{"distilled DeiT", ""}, 12, 1e-12, GELU, 0, imageNet},
	"beit":                  {[]string{"BEiT"}, 12, 1e-12, GELU, 0, nil},
	"dinov2":                {[]string{"DINOv2"}, 12, 1e-6, GELU, 0, imageNet},
	"dinov2_with_registers": {[]string{"DINOv2"}, 12, 1e-6, GELU, 4, imageNet},
	"dinov3_vit":            {[]string{"DINOv3"}, 6, 1e-5, GELU, 0, nil}, // web images and satellite images
	"clip_vision_model":     {[]string{"CLIP"}, 12, 1e-5, QuickGELU, 0, openAI},
	"siglip_vision_model":   {[]string{"SigLIP"}, 12, 1e-6, TanhGELU, 0, halves},
	"siglip2_vision_model":  {[]string{"SigLIP"}, 12, 1e-6, TanhGELU, 0, halves},
}

// side is the side of a square in pixels: a number, or twice the same number in a list.
type side int

// UnmarshalJSON implements json.Unmarshaler.
func (s *side) UnmarshalJSON(raw []byte) error {
	list := []int{0}
	into := any(&list[0])
	if bytes.HasPrefix(raw, []byte("[")) {
		into = &list
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return err
	}
	if len(list) == 0 || list[0] != list[len(list)-1] {
		return fmt.Errorf("%s is no square", raw)
	}
	*s = side(list[0])
	return nil
}

// transformersConfig is the part of a config.json that is read. Pointers tell a missing key from a zero.
type transformersConfig struct {
	Type       string            `json:"model_type"`
	Classes    int               `json:"num_labels"`
	Labels     map[string]string `json:"id2label"`
	Width      int               `json:"hidden_size"`
	Depth      int               `json:"num_hidden_layers"`
	Heads      int               `json:"num_attention_heads"`
	MLP        int               `json:"intermediate_size"`
	MLPRatio   float64           `json:"mlp_ratio"`
	SwiGLU     bool              `json:"use_swiglu_ffn"`
	GatedMLP   bool              `json:"use_gated_mlp"`
	Eps        *float64          `json:"layer_norm_eps"`
	Image      side              `json:"image_size"`
	Patch      side              `json:"patch_size"`
	Activation string            `json:"hidden_act"`
	Registers  *int              `json:"num_register_tokens"`
	RopeTheta  float64           `json:"rope_theta"`
	Rope       *struct {
		Theta float64 `json:"rope_theta"`
	} `json:"rope_parameters"` // of newer versions
	Vision json.RawMessage `json:"vision_config"`
}

// dinov3Theta is the base of the periods of DINOv3's rotary positions.
const dinov3Theta = 100

// transformers parses the config.json of Hugging Face transformers.
func (t *companion) transformers(raw []byte, family Family) error {
	c, err := parseTransformers(raw)
	if err != nil {
		return err
	}
	known := modelTypes[c.Type]
	t.plain, t.heads, t.eps, t.image = true, cmp.Or(c.Heads, known.heads), known.eps, int(c.Image)
	t.lineages, t.normalised, t.kind = known.lineages, known.normalised, fmt.Sprintf("model_type %q", c.Type)
	if c.Eps != nil {
		if t.eps = *c.Eps; !(t.eps > 0) || math.IsInf(t.eps, 0) {
			return fmt.Errorf("a layer_norm_eps of %v is not possible", t.eps)
		}
	}
	t.claims = c.claims(known.registers)
	if !slices.Contains(family.ModelTypes, c.Type) {
		t.unsupported = fmt.Sprintf("it is of the model_type %q, which is no %s", c.Type, family.Kind)
		return nil
	}
	if c.Type == "dinov3_vit" && c.RopeTheta != 0 && c.RopeTheta != dinov3Theta {
		t.unsupported = fmt.Sprintf("its rope_theta is %v, and this version computes rotary positions with %v only", c.RopeTheta, dinov3Theta)
	}
	switch {
	case c.gated() && (c.SwiGLU || c.Activation == "" || c.Activation == "silu"): // SwiGLU, whose activation is no choice
	case c.gated():
		t.unsupported = fmt.Sprintf("its hidden_act is %q in a gated MLP, which this version does not compute", c.Activation)
	case c.Activation == "":
		t.activation = known.activation
	default:
		t.setActivation("hidden_act", c.Activation)
	}
	return nil
}

// parseTransformers reads a config.json, or the vision_config in that of a network of text and images.
func parseTransformers(raw []byte) (c transformersConfig, err error) {
	if err := json.Unmarshal(raw, &c); err != nil {
		return c, err
	}
	if len(c.Vision) > 0 && string(c.Vision) != "null" {
		whole := c
		c = transformersConfig{}
		if err := json.Unmarshal(whole.Vision, &c); err != nil {
			return c, fmt.Errorf("vision_config: %w", err)
		}
		c.Type = cmp.Or(c.Type, whole.Type+"_vision_model") // left out if the rest has its defaults
	}
	if c.Classes == 0 {
		c.Classes = len(c.Labels)
	}
	if c.Rope != nil {
		c.RopeTheta = c.Rope.Theta
	}
	return c, nil
}

// gated tells whether the MLPs are gated.
func (c *transformersConfig) gated() bool { return c.SwiGLU || c.GatedMLP }

// claims is what the file says of sizes that the tensors tell too. registers is their number in a DINO whose file does not name it.
func (c *transformersConfig) claims(registers int) []claim {
	list := []claim{
		{key: "hidden_size", value: c.Width, of: Width}, {key: "num_hidden_layers", value: c.Depth, of: depth}, {key: "intermediate_size", value: c.MLP, of: mlp},
		{key: "image_size", value: int(c.Image), of: Architecture.ImageSize}, {key: "patch_size", value: int(c.Patch), of: Architecture.PatchSize},
		{key: "the number of labels", value: c.Classes, of: Architecture.Classes},
	}
	if c.MLPRatio > 0 && c.Width > 0 && !c.gated() {
		list = append(list, claim{key: "hidden_size * mlp_ratio", value: int(float64(c.Width) * c.MLPRatio), of: mlp})
	}
	if strings.HasPrefix(c.Type, "dino") {
		if c.Registers != nil {
			registers = *c.Registers
		}
		list = append(list, claim{key: "num_register_tokens", value: registers, of: registersOf, exact: true})
	}
	return list
}

// setActivation records the activation that a key names.
func (t *companion) setActivation(key, name string) {
	var err error
	if t.activation, err = ParseActivation(name); err != nil {
		t.unsupported = cmp.Or(t.unsupported, fmt.Sprintf("its %s is %q, which this version does not compute", key, name))
	}
}

// registersOf is the number of prefix tokens besides the class token: registers, in a network that has no distillation token.
func registersOf(a Architecture) int {
	for _, block := range a.Blocks() {
		return max(block.Prefix-1, 0)
	}
	return 0
}
