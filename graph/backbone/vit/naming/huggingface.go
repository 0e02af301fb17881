package naming

import "slices"

// The names in Hugging Face transformers. Releases before 5 and files on hubs have other names within blocks than the modules of
// release 5 (its conversion_mapping.py), so models have two namings each.
var (
	// patchesAndTokens is the names of all models with patch_embeddings outside of the blocks.
	patchesAndTokens = []pair{
		{from: "embeddings.cls_token", to: "cls_token"},
		{from: "embeddings.distillation_token", to: "dist_token"},
		{from: "embeddings.register_tokens", to: "reg_token"},
		{from: "embeddings.position_embeddings", to: "pos_embed"},
		{from: "embeddings.mask_token"},
		{from: "embeddings.patch_embeddings.projection.*", to: "patch_embed.proj.*"},
		{from: "layernorm.*", to: "norm.*"},
		{from: "pooler.dense.*"}, // a layer with tanh behind the features
		{from: "pooler.layernorm.*", to: "fc_norm.*"},
	}
	// heads is the names of classifiers, and of what served pre-training.
	heads = []pair{
		{from: "classifier.*", to: "head.*"},
		{from: "cls_classifier.*", to: "head.*"},
		{from: "distillation_classifier.*", to: "head_dist.*"},
		{from: "decoder.**"}, // of ViTMAE and of masked image modelling
		{from: "lm_head.*"},  // BEiT's
	}
	// inBlocks is the names of ViT, DeiT, ViTMAE, ViTMSN, DINOv2 and BEiT within blocks.
	inBlocks = []pair{
		{from: "attention.attention.query.*", to: "attn.qkv.*", how: query},
		{from: "attention.attention.key.*", to: "attn.qkv.*", how: key},
		{from: "attention.attention.value.*", to: "attn.qkv.*", how: value},
		{from: "attention.attention.relative_position_bias.relative_position_bias_table", to: "attn.relative_position_bias_table"},
		{from: "attention.attention.relative_position_bias.relative_position_index"},
		{from: "attention.output.dense.*", to: "attn.proj.*"},
		{from: "intermediate.dense.*", to: "mlp.fc1.*"},
		{from: "output.dense.*", to: "mlp.fc2.*"},
		{from: "mlp.weights_in.*", to: "mlp.fc1.*"},
		{from: "mlp.weights_out.*", to: "mlp.fc2.*"},
	}
	// inBlocks5 is the same in the modules of release 5.
	inBlocks5 = []pair{
		{from: "attention.q_proj.*", to: "attn.qkv.*", how: query},
		{from: "attention.k_proj.*", to: "attn.qkv.*", how: key},
		{from: "attention.v_proj.*", to: "attn.qkv.*", how: value},
		{from: "relative_position_bias.relative_position_bias_table", to: "attn.relative_position_bias_table"},
		{from: "attention.o_proj.*", to: "attn.proj.*"},
		{from: "mlp.gate_proj.*", to: "mlp.fc1.*", how: gate},
		{from: "mlp.up_proj.*", to: "mlp.fc1.*", how: up},
		{from: "mlp.down_proj.*", to: "mlp.fc2.*"},
	}
	// inAllBlocks is the names within blocks in all releases.
	inAllBlocks = []pair{
		{from: "layernorm_before.*", to: "norm1.*"},
		{from: "layernorm_after.*", to: "norm2.*"},
		{from: "norm1.*", to: "norm1.*"},
		{from: "norm2.*", to: "norm2.*"},
		{from: "mlp.fc1.*", to: "mlp.fc1.*"},
		{from: "mlp.fc2.*", to: "mlp.fc2.*"},
		{from: "layer_scale1.lambda1", to: "ls1.gamma"},
		{from: "layer_scale2.lambda1", to: "ls2.gamma"},
		{from: "lambda_1", to: "gamma_1"},
		{from: "lambda_2", to: "gamma_2"},
	}
	// dinov3Blocks is the names of DINOv3 within blocks.
	dinov3Blocks = []pair{
		{from: "attention.q_proj.*", to: "attn.qkv.*", how: query},
		{from: "attention.k_proj.*", to: "attn.qkv.*", how: key},
		{from: "attention.v_proj.*", to: "attn.qkv.*", how: value},
		{from: "attention.o_proj.*", to: "attn.proj.*"},
		{from: "norm1.*", to: "norm1.*"},
		{from: "norm2.*", to: "norm2.*"},
		{from: "layer_scale1.lambda1", to: "gamma_1"},
		{from: "layer_scale2.lambda1", to: "gamma_2"},
		{from: "mlp.gate_proj.*", to: "mlp.fc1_g.*"},
		{from: "mlp.up_proj.*", to: "mlp.fc1_x.*"},
		{from: "mlp.down_proj.*", to: "mlp.fc2.*"},
	}
)

const hubAnchor = "embeddings.patch_embeddings.projection.weight"

// huggingFace is the models with patch_embeddings: ViT, DeiT, ViTMAE, ViTMSN, DINOv2, BEiT, then DINOv3.
var huggingFace = []naming{
	hub("encoder.layer.#.", inBlocks, "encoder.layer.#.attention.attention.**", "encoder.layer.#.attention.output.**"),
	hub("encoder.layer.#.", inBlocks5, "encoder.layer.#.attention.q_proj.*", "encoder.layer.#.attention.o_proj.*"), // DINOv2 of release 5
	hub("layers.#.", inBlocks5, "layers.#.attention.q_proj.*", "layers.#.attention.o_proj.*"),
	dinov3Hub("layer.#."),
	dinov3Hub("model.layer.#."), // the module of release 5
}

// hub is the naming whose blocks' names begin with block. One of the marks tells it from the others.
func hub(block string, inBlocks []pair, marks ...string) naming {
	shared := []pair{
		{from: "encoder.relative_position_bias.relative_position_bias_table", to: "rel_pos_bias.relative_position_bias_table"},
		{from: "encoder.relative_position_bias.relative_position_index"},
		{from: "shared_position_bias.relative_position_bias_table", to: "rel_pos_bias.relative_position_bias_table"},
	}
	return naming{
		library: HuggingFace, anchor: hubAnchor, owns: anyOf(marks...),
		inside:  slices.Concat(patchesAndTokens, shared, below(block, inBlocks), below(block, inAllBlocks)),
		outside: heads, finish: splitClassPosition, positions: hubPositions, defaults: hubDefaults,
	}
}

// dinov3Hub is a naming of DINOv3. Its MLP's layer up_proj is timm's fc1, or fc1_x where there is a gate.
func dinov3Hub(block string) naming {
	return naming{
		library: HuggingFace, anchor: "embeddings.patch_embeddings.weight", owns: anyOf(block+"attention.q_proj.*", block+"attention.o_proj.*"),
		inside: slices.Concat([]pair{
			{from: "embeddings.cls_token", to: "cls_token"},
			{from: "embeddings.register_tokens", to: "reg_token"},
			{from: "embeddings.mask_token"},
			{from: "embeddings.patch_embeddings.*", to: "patch_embed.proj.*"},
			{from: "rope_embeddings.inv_freq"},
			{from: "norm.*", to: "norm.*"},
		}, below(block, dinov3Blocks)),
		outside: heads, finish: nameUp, positions: hubPositions, defaults: hubDefaults,
	}
}

// below is pairs of names within blocks as pairs of whole names.
func below(block string, inBlocks []pair) []pair {
	pairs := slices.Clone(inBlocks)
	for i := range pairs {
		pairs[i].from = block + pairs[i].from
		if pairs[i].to != "" {
			pairs[i].to = "blocks.#." + pairs[i].to
		}
	}
	return pairs
}

// nameUp names the MLP's first layer as timm does: fc1 if it has no gate. It drops a table of no registers.
func nameUp(w *work) error {
	for _, to := range w.out.Names() {
		found, ok := match("blocks.#.mlp.fc1_x.*", to)
		if !ok || w.has(found.fill("blocks.#.mlp.fc1_g.weight")) {
			continue
		}
		if err := w.rename(to, found.fill("blocks.#.mlp.fc1.*")); err != nil {
			return err
		}
	}
	if t, ok := w.out["reg_token"]; ok && len(t.Shape) == 3 && t.Shape[1] == 0 {
		w.drop("reg_token")
	}
	return nil
}

// hubPositions is interpolate_pos_encoding in transformers' models.
func hubPositions(w *work, f Family) Resampling {
	if f == DINOv2 && w.has("reg_token") {
		return ResampleTimm
	}
	return ResampleHF
}

// hubDefaults is the defaults of transformers' configurations, with the normalisation of the published models.
func hubDefaults(_ *work, f Family) Defaults {
	d := f.defaults()
	switch f {
	case Plain, DeiT, MAE, BEiT:
		d.Eps = transformersEps
	case CLIP:
		d.Activation = QuickGELU
	case SigLIP:
		d.Activation, d.Known.Activation = GELUTanh, true
	}
	return d
}
