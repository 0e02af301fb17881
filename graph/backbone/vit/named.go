package vit

import "dtl-tf/graph/backbone"

// The forms of published networks.
var (
	dinov2          = Form{LayerScale: true}
	dinov2Registers = Form{LayerScale: true, Registers: 4, Positions: PatchPositions}
	dinov3          = Form{LayerScale: true, Registers: 4, Positions: NoPositions, Rotary: RotaryDINOv3, QKVBias: NoQKVBias, NormedMean: true}
	deit3           = Form{LayerScale: true, Positions: PatchPositions}
	clip            = Form{PreNorm: true, NoPatchBias: true, GELU: backbone.QuickGELU} // OpenAI's
	siglip          = Form{NoClass: true, MapPool: true, NormedMean: true}
	eva02           = Form{Rotary: RotaryEVA02, QKVBias: QueryValueBias, Gated: true}
)

// sized is an architecture with the usual epsilon and MLPs of four times the width.
func sized(image, patch, width, depth, heads int, f Form) Architecture {
	return Architecture{Image: image, Patch: patch, Width: width, Depth: depth, Heads: heads, MLP: 4 * width, Eps: backbone.LayerNormEps, Form: f}
}

// smaller is the architecture with the epsilon of CLIP and DINOv3.
func smaller(a Architecture) Architecture {
	a.Eps = smallEps
	return a
}

// hidden is the architecture with MLPs of that width.
func hidden(mlp int, a Architecture) Architecture {
	a.MLP = mlp
	return a
}

// gated is the form with SwiGLU, inner is it with a norm of the hidden units too.
func gated(f Form) Form {
	f.Gated = true
	return f
}

func inner(f Form) Form {
	f.InnerNorm = true
	return f
}

// named are the architectures of published networks at the image size for which their positions were trained or, for DINOv2 and
// DINOv3, at the usual one, and the small one of the built-in default backbone (timm, vision_transformer.py, deit.py and eva.py).
var named = map[string]backbone.Architecture{
	"vit_b16":   sized(224, 16, 768, 12, 12, Form{}),
	"vit_s16":   sized(224, 16, 384, 12, 6, Form{}),
	"vit_ti16":  sized(224, 16, 192, 12, 3, Form{}),
	"vit_mini4": sized(32, 4, 96, 12, 3, Form{}),

	"dinov2_s14":     sized(518, 14, 384, 12, 6, dinov2),
	"dinov2_b14":     sized(518, 14, 768, 12, 12, dinov2),
	"dinov2_l14":     sized(518, 14, 1024, 24, 16, dinov2),
	"dinov2_g14":     hidden(4096, sized(518, 14, 1536, 40, 24, gated(dinov2))),
	"dinov2_reg_s14": sized(518, 14, 384, 12, 6, dinov2Registers),
	"dinov2_reg_b14": sized(518, 14, 768, 12, 12, dinov2Registers),
	"dinov2_reg_l14": sized(518, 14, 1024, 24, 16, dinov2Registers),
	"dinov2_reg_g14": hidden(4096, sized(518, 14, 1536, 40, 24, gated(dinov2Registers))),

	"dinov3_s16": smaller(sized(256, 16, 384, 12, 6, dinov3)),
	"dinov3_b16": smaller(sized(256, 16, 768, 12, 12, dinov3)),
	"dinov3_l16": smaller(sized(256, 16, 1024, 24, 16, dinov3)),

	"clip_b32": smaller(sized(224, 32, 768, 12, 12, clip)),
	"clip_b16": smaller(sized(224, 16, 768, 12, 12, clip)),
	"clip_l14": smaller(sized(224, 14, 1024, 24, 16, clip)),

	"siglip_b16":      sized(224, 16, 768, 12, 12, siglip),
	"siglip_l16":      sized(256, 16, 1024, 24, 16, siglip),
	"siglip_so400m14": hidden(4304, sized(224, 14, 1152, 27, 16, siglip)),

	"deit3_s16": sized(224, 16, 384, 12, 6, deit3),
	"deit3_b16": sized(224, 16, 768, 12, 12, deit3),
	"deit3_l16": sized(224, 16, 1024, 24, 16, deit3),

	"eva02_ti14": hidden(512, sized(224, 14, 192, 12, 3, eva02)),
	"eva02_s14":  hidden(1024, sized(224, 14, 384, 12, 6, eva02)),
	"eva02_b14":  hidden(2048, sized(224, 14, 768, 12, 12, inner(eva02))),
	"eva02_l14":  hidden(2730, sized(224, 14, 1024, 24, 16, inner(eva02))),
}
