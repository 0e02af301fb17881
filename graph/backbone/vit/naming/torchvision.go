package naming

// torchvision is the names of torchvision's vision_transformer.py, older ones included (its _load_from_state_dict of MLPBlock).
var torchvision = naming{
	library: Torchvision, anchor: "conv_proj.weight",
	owns: anyOf("encoder.layers.encoder_layer_#." + anything),
	inside: []pair{
		{from: "class_token", to: "cls_token"},
		{from: "encoder.pos_embedding", to: "pos_embed"},
		{from: "conv_proj.*", to: "patch_embed.proj.*"},
		{from: "encoder.layers.encoder_layer_#.ln_1.*", to: "blocks.#.norm1.*"},
		{from: "encoder.layers.encoder_layer_#.ln_2.*", to: "blocks.#.norm2.*"},
		{from: "encoder.layers.encoder_layer_#.self_attention.in_proj_weight", to: "blocks.#.attn.qkv.weight"},
		{from: "encoder.layers.encoder_layer_#.self_attention.in_proj_bias", to: "blocks.#.attn.qkv.bias"},
		{from: "encoder.layers.encoder_layer_#.self_attention.out_proj.*", to: "blocks.#.attn.proj.*"},
		{from: "encoder.layers.encoder_layer_#.mlp.0.*", to: "blocks.#.mlp.fc1.*"},
		{from: "encoder.layers.encoder_layer_#.mlp.3.*", to: "blocks.#.mlp.fc2.*"},
		{from: "encoder.layers.encoder_layer_#.mlp.linear_1.*", to: "blocks.#.mlp.fc1.*"},
		{from: "encoder.layers.encoder_layer_#.mlp.linear_2.*", to: "blocks.#.mlp.fc2.*"},
		{from: "encoder.ln.*", to: "norm.*"},
		{from: "heads.head.*", to: "head.*"},
		{from: "heads.pre_logits.*", to: "pre_logits.fc.*"},
	},
	positions: func(*work, Family) Resampling { return ResampleTorchvision }, // interpolate_embeddings
	defaults: func(*work, Family) Defaults {
		return Defaults{imagenetMean, imagenetStd, usualEps, GELU, Known{true, true, true}}
	},
}
