package vit

import (
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
)

// Input normalisations (timm, data/constants.py).
var (
	half         = [3]float64{0.5, 0.5, 0.5} // of Google's checkpoints
	imageNetMean = [3]float64{0.485, 0.456, 0.406}
	imageNetStd  = [3]float64{0.229, 0.224, 0.225}
	clipMean     = [3]float64{0.48145466, 0.4578275, 0.40821073}
	clipStd      = [3]float64{0.26862954, 0.26130258, 0.27577711}
)

// smallEps is the epsilon of LayerNorm in CLIP and DINOv3 (timm, vision_transformer.py and eva.py).
const smallEps = 1e-5

// Lineage implements backbone.Architecture.
func (a Architecture) Lineage() string {
	switch {
	case a.Rotary == RotaryDINOv3:
		return "DINOv3"
	case a.Rotary == RotaryEVA02:
		return "EVA-02"
	case a.MapPool:
		return "SigLIP"
	case a.PreNorm:
		return "CLIP"
	case a.Distilled:
		return "distilled DeiT"
	case a.LayerScale && a.Registers == 0 && a.Positions == PatchPositions:
		return "DeiT-III"
	case a.LayerScale:
		return "DINOv2"
	}
	return ""
}

// defaultsOf returns what the published networks of an architecture's form have in common.
func defaultsOf(arch backbone.Architecture) backbone.Defaults {
	a := arch.(Architecture)
	d := backbone.Defaults{
		Normalisation: backbone.Normalisation{Mean: half, Std: half, Pool: backbone.PoolClass}, Eps: backbone.LayerNormEps, Activation: backbone.GELU,
		Known: a.Lineage() != "", Heads: usualHeads(a), Image: openImage(a),
	}
	imageNet := func() { d.Mean, d.Std = imageNetMean, imageNetStd }
	switch a.Lineage() {
	case "DINOv3":
		imageNet()
		d.Eps = smallEps
	case "DINOv2", "DeiT-III", "distilled DeiT":
		imageNet()
	case "EVA-02":
		d.Mean, d.Std, d.Pool = clipMean, clipStd, backbone.PoolMean
	case "CLIP":
		// OpenAI's, MetaCLIP's and some of DFN's networks have QuickGELU, OpenCLIP's have GELU. timm computes GELU unless its name says otherwise.
		d.Mean, d.Std, d.Eps, d.AnyActivation = clipMean, clipStd, smallEps, true
	case "SigLIP":
		d.AnyActivation = true
		if a.Width == 1152 && a.Patch == 16 || a.Width == 1536 { // so400m with patches of 16, giant-opt
			d.Activation = backbone.TanhGELU
		}
	}
	if a.NoClass {
		d.Pool = a.Pools()[0]
	}
	if a.WideHead {
		d.Pool = backbone.PoolBoth
		if a.Distilled {
			d.Pool = backbone.PoolDistilled
		}
	}
	return d
}

// openImage is the image size of a network whose shapes leave it open: without position embeddings, that of DINOv3's evaluations.
func openImage(a Architecture) int {
	if a.Positions == NoPositions {
		return 256
	}
	return 0
}

// usualHeads is the number of heads of published networks whose heads are not 64 wide, 0 for others (timm, vision_transformer.py
// and eva.py).
func usualHeads(a Architecture) int {
	lineage := a.Lineage()
	switch {
	case lineage == "DINOv3" && a.Width == 4096:
		return 32
	case a.Width == 1152: // so400m
		return 16
	case a.Width == 1536 && (lineage == "SigLIP" || lineage == "" && a.NoClass): // giant-opt, with the pooling head or without; DINOv2's has 24
		return 16
	case (lineage == "" || lineage == "CLIP") && (a.Width == 1280 || a.Width == 1408 || a.Width == 1664): // huge, giant, gigantic
		return 16
	case lineage == "DeiT-III" && a.Width == 1280: // DINOv3's has 20
		return 16
	}
	return 0
}

// defaultsOfTimm recognises what a plain ViT was trained by. Files of masked autoencoders have a mask token or the decoder.
func defaultsOfTimm(m tensor.Map, d backbone.Defaults) backbone.Defaults {
	if d.Known {
		return d
	}
	_, masked := m["mask_token"]
	_, decoder := m["decoder_embed.weight"]
	if masked || decoder {
		d.Mean, d.Std, d.Known = imageNetMean, imageNetStd, true
	}
	return d
}
