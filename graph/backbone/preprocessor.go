package backbone

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
)

// interpolation is the way in which this program resizes images, by the name that Pillow and timm give it.
const interpolation = "bicubic"

// resampling are the names of Pillow's numbers (Pillow, PIL.Image.Resampling).
var resampling = map[int]string{0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic", 4: "box", 5: "hamming"}

// preprocessor parses the preprocessor_config.json of Hugging Face transformers. It ignores the image size there, which
// need not be the one for which the position embeddings were trained, and the cropping: this program shows whole images.
func (t *companion) preprocessor(raw []byte) error {
	var c struct {
		Mean      []float64 `json:"image_mean"`
		Std       []float64 `json:"image_std"`
		Normalize *bool     `json:"do_normalize"`
		Rescale   *bool     `json:"do_rescale"`
		Factor    *float64  `json:"rescale_factor"`
		Resample  *int      `json:"resample"`
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return err
	}
	t.mean, t.std = c.Mean, c.Std
	if c.Normalize != nil && !*c.Normalize {
		t.mean, t.std = []float64{0, 0, 0}, []float64{1, 1, 1}
	}
	if c.Rescale != nil && !*c.Rescale || c.Factor != nil && math.Abs(*c.Factor*255-1) > 1e-6 {
		t.unsupported = "it does not scale pixels to 0..1, as this version does before the normalisation"
	}
	if c.Resample != nil {
		t.interpolation = cmp.Or(resampling[*c.Resample], fmt.Sprintf("method %d", *c.Resample))
	}
	return nil
}

// openCLIP parses the open_clip_config.json of OpenCLIP. Its vision tower may be a network of timm's.
func (t *companion) openCLIP(raw []byte, a Architecture) error {
	family := familyOf(a)
	var c struct {
		Model struct {
			Vision struct {
				Image     side    `json:"image_size"`
				Depth     any     `json:"layers"` // a list in a ResNet
				Width     int     `json:"width"`
				HeadWidth int     `json:"head_width"`
				MLPRatio  float64 `json:"mlp_ratio"`
				Patch     side    `json:"patch_size"`
				Timm      string  `json:"timm_model_name"`
				Pool      string  `json:"pool_type"`
				Average   bool    `json:"global_average_pool"`
				Attention any     `json:"attentional_pool"`
				Scale     any     `json:"ls_init_value"`
				Norm      struct {
					Eps float64 `json:"eps"`
				} `json:"norm_kwargs"`
				Activation struct {
					Approximate string `json:"approximate"`
				} `json:"act_kwargs"`
			} `json:"vision_cfg"`
			QuickGELU bool `json:"quick_gelu"`
		} `json:"model_cfg"`
		Preprocess struct {
			Mean, Std     []float64
			Interpolation string
		} `json:"preprocess_cfg"`
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return err
	}
	v := c.Model.Vision
	t.mean, t.std, t.interpolation = c.Preprocess.Mean, c.Preprocess.Std, c.Preprocess.Interpolation
	t.kind, t.image, t.claims = "OpenCLIP model", int(v.Image), []claim{{key: "image_size", value: int(v.Image), of: Architecture.ImageSize}}
	if v.Timm != "" {
		t.kind = fmt.Sprintf("timm_model_name %q", v.Timm)
		named, ok := family.TimmName(v.Timm)
		if !ok {
			t.unsupported = fmt.Sprintf("its vision tower is %s, which is no %s", v.Timm, family.Kind)
		}
		t.plain, t.heads, t.eps, t.activation, t.lineages = named.Plain, named.heads(a), named.Eps, named.Activation, named.Lineages
		return nil
	}
	layers, ok := v.Depth.(float64)
	if !ok && v.Depth != nil {
		t.unsupported = "its vision tower is a ResNet"
		return nil
	}
	t.plain, t.lineages, t.eps, t.heads = true, []string{"CLIP"}, cmp.Or(v.Norm.Eps, 1e-5), v.Width/cmp.Or(v.HeadWidth, headWidth) // torch's LayerNorm, open_clip/model.py
	t.claims = append(t.claims, claim{key: "width", value: v.Width, of: Width}, claim{key: "layers", value: int(layers), of: depth}, claim{key: "patch_size", value: int(v.Patch), of: Architecture.PatchSize},
		claim{key: "width * mlp_ratio", value: int(float64(v.Width) * cmp.Or(v.MLPRatio, 4)), of: mlp})
	switch {
	case c.Model.QuickGELU:
		t.activation = QuickGELU
	case v.Activation.Approximate == "tanh":
		t.activation = TanhGELU
	default:
		t.activation = GELU
	}
	if v.Attention != nil && v.Attention != false {
		t.unsupported = "its vision tower has the attention pooling of CoCa, which this version does not compute"
	}
	return nil
}
