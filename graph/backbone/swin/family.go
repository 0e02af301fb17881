package swin

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"dtl-tf/graph/backbone"
)

const familyName = "swin"

// mlpRatio is the hidden width of the MLPs in multiples of the width, in every published Swin.
const mlpRatio = 4

func init() {
	backbone.Register(backbone.Family{
		Name: familyName, Title: "Swin", Kind: "Swin", Named: named, Parse: parse, Example: named["swin_b"].String(), Decode: decode,
		Defaults: backbone.Defaults{Normalisation: backbone.Normalisation{Mean: imageNetMean, Std: imageNetStd, Pool: backbone.PoolMean}, Eps: LayerNormEps, Image: 224},
		TimmName: timmName, Layouts: []backbone.Layout{timm, own}, Explain: explain, Unused: unused, Resample: resample, Fill: fill,
	})
}

// sources tells where values come from in files of both layouts. That blocks are pre-norm with GELU, the epsilon and the pooling are
// the same in all networks with these tensors; the normalisation need not be.
var sources = backbone.Sources{
	Blocks: backbone.FromFormat, Heads: backbone.FromFile, Image: backbone.FromFile, Eps: backbone.FromFormat,
	Mean: backbone.FromGuess, Std: backbone.FromGuess, Pool: backbone.FromFormat,
}

// imageNetMean and imageNetStd are the normalisation of every published Swin (timm, swin_transformer.py, _cfg).
var imageNetMean, imageNetStd = [3]float64{0.485, 0.456, 0.406}, [3]float64{0.229, 0.224, 0.225}

// named are the architectures of the Swin paper (section 3.3).
var named = map[string]backbone.Architecture{
	"swin_t": paper(96, Stages{2, 2, 6, 2}, Stages{3, 6, 12, 24}),
	"swin_s": paper(96, Stages{2, 2, 18, 2}, Stages{3, 6, 12, 24}),
	"swin_b": paper(128, Stages{2, 2, 18, 2}, Stages{4, 8, 16, 32}),
	"swin_l": paper(192, Stages{2, 2, 18, 2}, Stages{6, 12, 24, 48}),
}

func paper(width int, depths, heads Stages) Architecture {
	return Architecture{Image: 224, Patch: 4, Window: 7, Width: width, MLP: mlpRatio * width, Depths: depths, Heads: heads, Eps: LayerNormEps}
}

func parse(settings string) (backbone.Architecture, error) {
	a := Architecture{Eps: LayerNormEps}
	numbers := map[string]*int{"image": &a.Image, "patch": &a.Patch, "window": &a.Window, "width": &a.Width, "mlp": &a.MLP}
	stages := map[string]*Stages{"depths": &a.Depths, "heads": &a.Heads}
	for item := range strings.SplitSeq(settings, ",") {
		key, value, _ := strings.Cut(item, "=")
		var err error
		if n, ok := numbers[key]; ok {
			if *n, err = strconv.Atoi(value); err != nil {
				return nil, fmt.Errorf("%s is not a whole number: %q", key, value)
			}
		} else if s, ok := stages[key]; ok {
			if *s, err = parseStages(value); err != nil {
				return nil, fmt.Errorf("%s: %w", key, err)
			}
		} else {
			return nil, fmt.Errorf("unknown setting %q (known: image, patch, window, width, depths, heads, mlp)", key)
		}
	}
	if a.MLP == 0 {
		a.MLP = mlpRatio * a.Width
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
	case !(a.Eps > 0):
		return nil, fmt.Errorf("a layer_norm_eps of %v is not possible", a.Eps)
	case a.Labels < 0 || a.Labels > maxSize:
		return nil, fmt.Errorf("classes = %d is not possible", a.Labels)
	}
	return a, a.Validate()
}
