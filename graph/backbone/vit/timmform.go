package vit

import (
	"math"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
	"dtl-tf/graph/weight"
)

// splitGate is the gate of SwiGLU in files that have it apart from the other half of the first layer.
const splitGate = "blocks.0.mlp.fc1_g.weight"

// formOfTimm derives the form from the names of timm's tensors, and from the shapes of positions and MLP.
func formOfTimm(m tensor.Map) Form {
	has := func(name string) bool { _, ok := m[name]; return ok }
	f := Form{
		NoClass: !has("cls_token"), Distilled: has("dist_token"), PreNorm: has("norm_pre.weight"), NoPatchBias: !has("patch_embed.proj.bias"),
		LayerScale: has("blocks.0.ls1.gamma") || has("blocks.0.gamma_1"), Gated: has(splitGate) || packed(m), InnerNorm: has("blocks.0.mlp.norm.weight"),
		MapPool: has("attn_pool.latent"),
	}
	if t, ok := m["reg_token"]; ok && len(t.Shape) == 3 {
		f.Registers = t.Shape[1]
	}
	switch {
	case has("blocks.0.attn.q_bias"), has("blocks.0.attn.q_proj.bias") && !has("blocks.0.attn.k_proj.bias"):
		f.QKVBias = QueryValueBias
	case has("blocks.0.attn.qkv.weight") && !has("blocks.0.attn.qkv.bias"):
		f.QKVBias = NoQKVBias
	}
	if p, ok := m["pos_embed"]; !ok {
		f.Positions = NoPositions
	} else if len(p.Shape) == 3 && !f.NoClass && (f.Registers > 0 || isSquare(p.Shape[1])) {
		f.Positions = PatchPositions
	}
	switch {
	case f.Positions == NoPositions && f.Registers > 0 && !f.NoClass && has("blocks.0.gamma_1"):
		f.Rotary = RotaryDINOv3
	case f.Positions == "" && f.Gated && f.QKVBias == QueryValueBias && !f.LayerScale:
		f.Rotary = RotaryEVA02
	}
	// Only networks that pool by a mean after fc_norm, or by the class token, don't normalise each token first.
	f.NormedMean = f.Rotary == RotaryDINOv3 || f.NoClass && !pooledNorm(m)
	return f
}

// doubtful names a form that timm's networks have together with something that no tensor shows, "" for the others.
func (f Form) doubtful(m tensor.Map) string {
	_, eva := m["blocks.0.gamma_1"]
	_, relative := m["blocks.0.attn.relative_position_bias_table"]
	switch {
	case relative:
		return "it has relative positions (BEiT)"
	case eva && f.Rotary == "":
		return "it has gamma_1 and no register tokens, so it is neither a DINOv3 nor an EVA-02, and may have rotary positions"
	case f.QKVBias == QueryValueBias && !f.Gated && f.Rotary == "":
		return "it has biases of query and value only and no SwiGLU (EVA of the first version), and may have its norms behind the layers"
	case f.PreNorm && f.LayerScale:
		return "it has both norm_pre and LayerScale, so it is no CLIP and may have rotary positions (PE)"
	}
	return ""
}

// packed tells whether the first layer of the MLPs holds gate and input of SwiGLU one after the other.
func packed(m tensor.Map) bool {
	fc1, fc2 := m["blocks.0.mlp.fc1.weight"], m["blocks.0.mlp.fc2.weight"]
	return len(fc1.Shape) == 2 && len(fc2.Shape) == 2 && fc1.Shape[0] == 2*fc2.Shape[1]
}

// readHead sets the sizes of the own head, if there is one, from the output axis of its kernels.
func (a *Architecture) readHead(f *weight.File, head, hidden string, outputs int) {
	if t, ok := f.Tensors[head]; ok && len(t.Shape) == 2 {
		a.Labels = t.Shape[outputs]
	}
	if t, ok := f.Tensors[hidden]; ok && len(t.Shape) == 2 && a.Labels > 0 {
		a.Hidden = t.Shape[outputs]
	}
}

// readWideHead tells whether the own head reads two vectors, and whether it has a bias.
func (a *Architecture) readWideHead(f *weight.File) {
	if a.Labels == 0 {
		return
	}
	_, bias := f.Tensors["head.bias"]
	_, distilled := f.Tensors["head_dist.weight"]
	a.NoHeadBias = !bias && !distilled && a.PreNorm
	a.WideHead = distilled && a.Distilled || f.Tensors[timmHead].Shape[1] == 2*a.Width
}

// timmConverter converts timm's tensors.
type timmConverter struct {
	*backbone.Converter
	arch Architecture
	file tensor.Map
}

// isSquare tells whether n is the number of patches of a square.
func isSquare(n int) bool {
	side := int(math.Round(math.Sqrt(float64(n))))
	return n > 0 && side*side == n
}
