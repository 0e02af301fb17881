package vit

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"dtl-tf/graph/backbone"
)

const familyName = "vit"

func init() {
	backbone.Register(backbone.Family{
		Name: familyName, Title: "ViT", Kind: "plain ViT", Named: named, Parse: parse, Example: named["vit_b16"].String(), Decode: decode,
		Defaults: backbone.Defaults{Normalisation: backbone.Normalisation{Mean: half, Std: half, Pool: backbone.PoolClass}, Eps: backbone.LayerNormEps},
		TimmName: timmName, ModelTypes: []string{"vit", "vit_mae", "vit_msn", "deit"},
		Layouts: []backbone.Layout{timm, npz}, Explain: explain, Unused: unused, Resample: resample, Fill: fill,
	})
}

// half is the input normalisation of Google's checkpoints.
var half = [3]float64{0.5, 0.5, 0.5}

// named are the architectures of the ViT and DeiT papers, and the small one of the built-in default
// backbone.
var named = map[string]backbone.Architecture{
	"vit_b16":   Architecture{Image: 224, Patch: 16, Width: 768, Depth: 12, Heads: 12, MLP: 3072, Eps: backbone.LayerNormEps},
	"vit_s16":   Architecture{Image: 224, Patch: 16, Width: 384, Depth: 12, Heads: 6, MLP: 1536, Eps: backbone.LayerNormEps},
	"vit_ti16":  Architecture{Image: 224, Patch: 16, Width: 192, Depth: 12, Heads: 3, MLP: 768, Eps: backbone.LayerNormEps},
	"vit_mini4": Architecture{Image: 32, Patch: 4, Width: 96, Depth: 12, Heads: 3, MLP: 384, Eps: backbone.LayerNormEps},
}

func parse(settings string) (backbone.Architecture, error) {
	a := Architecture{Eps: backbone.LayerNormEps}
	fields := map[string]*int{"image": &a.Image, "patch": &a.Patch, "width": &a.Width, "depth": &a.Depth, "heads": &a.Heads, "mlp": &a.MLP}
	for _, item := range strings.Split(settings, ",") {
		key, value, _ := strings.Cut(item, "=")
		field, ok := fields[key]
		if !ok {
			return nil, fmt.Errorf("unknown setting %q (known: image, patch, width, depth, heads, mlp)", key)
		}
		n, err := strconv.Atoi(value)
		if err != nil {
			return nil, fmt.Errorf("%s is not a whole number: %q", key, value)
		}
		*field = n
	}
	return a, nil
}

// decode parses and validates the JSON form, which comes from files.
func decode(raw []byte) (backbone.Architecture, error) {
	var a Architecture
	if err := json.Unmarshal(raw, &a); err != nil {
		return nil, err
	}
	switch {
	case a.Eps <= 0:
		return nil, fmt.Errorf("a layer_norm_eps of %v is not possible", a.Eps)
	case a.Labels < 0 || a.Labels > maxSize || a.Hidden < 0 || a.Hidden > maxSize:
		return nil, fmt.Errorf("classes = %d with pre_logits = %d is not possible", a.Labels, a.Hidden)
	}
	return a, a.Validate()
}
