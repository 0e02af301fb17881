package naming

import (
	"maps"
	"math"
	"slices"
	"strings"
)

// Family is the family of a ViT, for display.
type Family string

// The families.
const (
	Plain  Family = "ViT"
	DeiT   Family = "DeiT"
	DeiT3  Family = "DeiT-III"
	MAE    Family = "MAE"
	DINOv2 Family = "DINOv2"
	DINOv3 Family = "DINOv3"
	CLIP   Family = "CLIP"
	SigLIP Family = "SigLIP"
	EVA02  Family = "EVA-02"
	BEiT   Family = "BEiT"
)

// Activation is the nonlinearity of the MLPs.
type Activation string

// The activations.
const (
	GELU      Activation = "gelu"       // x Phi(x), with the error function
	GELUTanh  Activation = "gelu_tanh"  // its approximation by tanh
	QuickGELU Activation = "quick_gelu" // x sigmoid(1.702 x)
)

// Defaults are values of a family's networks that tensors do not tell.
type Defaults struct {
	Mean, Std  [3]float64 // of the input, by channel, images in 0..1
	Eps        float64    // of LayerNorm
	Activation Activation
	Known      Known
}

// Known says which of the defaults hold for all published networks of the family in that library. The others hold for most.
type Known struct{ Normalisation, Eps, Activation bool }

// Resampling is the rule by which a library resamples position embeddings to another grid. The prefix tokens' positions stay as they
// are.
type Resampling string

// The rules. All but the last have align_corners off.
const (
	ResampleTimm        Resampling = ""            // bicubic with antialiasing (timm, layers/pos_embed.py)
	ResampleHF          Resampling = "hf"          // bicubic without antialiasing (transformers, interpolate_pos_encoding)
	ResampleDINOv2      Resampling = "dinov2"      // the same with a scale of (new+0.1)/old (facebookresearch/dinov2)
	ResampleNaFlex      Resampling = "naflex"      // bilinear with antialiasing (transformers, modeling_siglip2.py)
	ResampleTorchvision Resampling = "torchvision" // bicubic with align_corners (torchvision, vision_transformer.py)
)

// The input normalisations in use.
var (
	halfMean, halfStd         = [3]float64{0.5, 0.5, 0.5}, [3]float64{0.5, 0.5, 0.5}
	imagenetMean, imagenetStd = [3]float64{0.485, 0.456, 0.406}, [3]float64{0.229, 0.224, 0.225}
	clipMean, clipStd         = [3]float64{0.48145466, 0.4578275, 0.40821073}, [3]float64{0.26862954, 0.26130258, 0.27577711} // OpenAI CLIP, clip.py
)

// Values of LayerNorm's epsilon.
const (
	usualEps        = 1e-6  // timm's and the original ViTs
	torchEps        = 1e-5  // torch.nn.LayerNorm's default
	transformersEps = 1e-12 // the default of transformers' older models
)

// defaults are timm's values of the family (the configurations in vision_transformer.py, eva.py and beit.py).
func (f Family) defaults() Defaults {
	all := Known{true, true, true}
	switch f {
	case DeiT, DeiT3, MAE, DINOv2:
		return Defaults{imagenetMean, imagenetStd, usualEps, GELU, all}
	case DINOv3:
		return Defaults{imagenetMean, imagenetStd, torchEps, GELU, all}
	case CLIP: // with QuickGELU in models that OpenAI, MetaCLIP and DFN trained
		return Defaults{clipMean, clipStd, torchEps, GELU, Known{Normalisation: true, Eps: true}}
	case SigLIP: // with the tanh approximation in so400m/16 and giantopt
		return Defaults{halfMean, halfStd, usualEps, GELU, Known{Normalisation: true, Eps: true}}
	case EVA02:
		return Defaults{clipMean, clipStd, usualEps, GELU, all}
	}
	return Defaults{halfMean, halfStd, usualEps, GELU, Known{}} // BEiTv2 and DINO have ImageNet's normalisation
}

// family recognises the family of the renamed tensors. names are all in the file.
func (w *work) family(names []string) Family {
	some := func(pattern string) bool {
		return slices.ContainsFunc(slices.Collect(maps.Keys(w.out)), func(name string) bool {
			_, ok := match(pattern, name)
			return ok
		})
	}
	position := w.out["pos_embed"].Shape
	switch {
	case w.has("attn_pool.latent"):
		return SigLIP
	case some("norm_pre.*"):
		return CLIP
	case some("blocks.#.attn.relative_position_bias_table") || some("rel_pos_bias.**"):
		return BEiT
	case some("blocks.#.gamma_1") && position == nil:
		return DINOv3
	case some("blocks.#.mlp.fc1_g.*") || some("blocks.#.attn.q_bias"):
		return EVA02
	case some("blocks.#.ls1.gamma"):
		if !w.has("reg_token") && len(position) == 3 && isSquare(position[1]) {
			return DeiT3
		}
		return DINOv2
	case w.has("dist_token"):
		return DeiT
	case position != nil && !w.has("cls_token") && w.anchor != hubAnchor: // not I-JEPA of transformers
		return SigLIP // with mean pooling
	case slices.ContainsFunc(names, func(name string) bool { return strings.Contains(name, "decoder_embed.") }):
		return MAE
	}
	return Plain
}

func isSquare(n int) bool {
	side := int(math.Round(math.Sqrt(float64(n))))
	return n > 0 && side*side == n
}
