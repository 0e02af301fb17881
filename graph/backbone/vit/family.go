package vit

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"dtl-tf/graph/backbone"
)

const familyName = "vit"

func init() {
	backbone.Register(backbone.Family{
		Name: familyName, Title: "ViT", Kind: "plain ViT", Named: named, Parse: parse, Example: named["vit_b16"].String(), Decode: decode,
		DefaultsOf: defaultsOf, TimmName: timmName,
		ModelTypes: []string{"vit", "vit_mae", "vit_msn", "deit", "dinov2", "dinov2_with_registers", "dinov3_vit", "clip_vision_model", "siglip_vision_model", "siglip2_vision_model"},
		Rename:     toTimm, Layouts: []backbone.Layout{timm, npz}, Explain: explain, Unused: unused, Resample: resample, Fill: fill, Fold: fold, AddBiases: addBiases, NeedsDescription: needsDescription,
	})
}

func parse(settings string) (backbone.Architecture, error) {
	a := Architecture{Eps: backbone.LayerNormEps}
	fields := map[string]*int{"image": &a.Image, "patch": &a.Patch, "width": &a.Width, "depth": &a.Depth, "heads": &a.Heads, "mlp": &a.MLP}
	known := []string{"image", "patch", "width", "depth", "heads", "mlp", "eps"}
	form := map[string]setting{}
	for _, f := range a.Form.settings() {
		known = append(known, f.key)
		form[f.key] = f
	}
	for item := range strings.SplitSeq(settings, ",") {
		key, value, _ := strings.Cut(item, "=")
		field, isNumber := fields[key]
		switch {
		case isNumber:
			n, err := strconv.Atoi(value)
			if err != nil {
				return nil, fmt.Errorf("%s is not a whole number: %q", key, value)
			}
			*field = n
		case key == "eps":
			eps, err := strconv.ParseFloat(value, 64)
			if err != nil || !(eps > 0) || math.IsInf(eps, 0) {
				return nil, fmt.Errorf("eps is not a positive number: %q", value)
			}
			a.Eps = eps
		case form[key].set != nil:
			if err := form[key].set(value); err != nil {
				return nil, err
			}
		default:
			return nil, fmt.Errorf("unknown setting %q (known: %s)", key, strings.Join(known, ", "))
		}
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
