package naming

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"dtl-tf/graph/tensor"
)

// clipText is the beginnings of the names of text towers, and of the two numbers of the loss, in CLIP and OpenCLIP.
var clipText = []string{
	"transformer.", "token_embedding.", "positional_embedding", "ln_final.", "text_projection", "text.", "logit_scale", "logit_bias", "attn_mask",
}

// hubText is the same in transformers.
var hubText = []string{"text_model.", "text_projection.", "logit_scale", "logit_bias"}

// openCLIP is the image towers of OpenAI's model.py and of OpenCLIP's transformer.py, then transformers' CLIP and SigLIP.
var openCLIP = []naming{{
	library: OpenCLIP, anchor: "conv1.weight", owns: anyOf("class_embedding"),
	inside: []pair{
		{from: "conv1.*", to: "patch_embed.proj.*"},
		{from: "class_embedding", to: "cls_token", how: token},
		{from: "positional_embedding", to: "pos_embed", how: table},
		{from: "ln_pre.*", to: "norm_pre.*"},
		{from: "ln_post.*", to: "norm.*"},
		{from: "proj", to: "head.weight", how: transposed},
		{from: "transformer.resblocks.#.ln_1.*", to: "blocks.#.norm1.*"},
		{from: "transformer.resblocks.#.ln_2.*", to: "blocks.#.norm2.*"},
		{from: "transformer.resblocks.#.attn.in_proj_weight", to: "blocks.#.attn.qkv.weight"},
		{from: "transformer.resblocks.#.attn.in_proj_bias", to: "blocks.#.attn.qkv.bias"},
		{from: "transformer.resblocks.#.attn.out_proj.*", to: "blocks.#.attn.proj.*"},
		{from: "transformer.resblocks.#.mlp.c_fc.*", to: "blocks.#.mlp.fc1.*"},
		{from: "transformer.resblocks.#.mlp.c_proj.*", to: "blocks.#.mlp.fc2.*"},
		{from: "transformer.resblocks.#.ls_1.gamma", to: "blocks.#.ls1.gamma"},
		{from: "transformer.resblocks.#.ls_2.gamma", to: "blocks.#.ls2.gamma"},
	},
	outside:   []pair{{from: "input_resolution"}, {from: "context_length"}, {from: "vocab_size"}}, // of OpenAI's TorchScript archives
	skipped:   clipText,
	finish:    projection,
	positions: timmPositions, // resize_pos_embed (open_clip, pos_embed.py)
	defaults:  openCLIPDefaults,
}, {
	library: HuggingFace, anchor: "embeddings.patch_embedding.weight", owns: anyOf("encoder.layers.#.self_attn.**"),
	inside: []pair{
		{from: "embeddings.class_embedding", to: "cls_token", how: token},
		{from: "embeddings.patch_embedding.*", to: "patch_embed.proj.*"},
		{from: "embeddings.position_embedding.weight", to: "pos_embed", how: table},
		{from: "embeddings.position_ids"},
		{from: "pre_layrnorm.*", to: "norm_pre.*"},
		{from: "post_layernorm.*", to: "norm.*"},
		{from: "encoder.layers.#.self_attn.q_proj.*", to: "blocks.#.attn.qkv.*", how: query},
		{from: "encoder.layers.#.self_attn.k_proj.*", to: "blocks.#.attn.qkv.*", how: key},
		{from: "encoder.layers.#.self_attn.v_proj.*", to: "blocks.#.attn.qkv.*", how: value},
		{from: "encoder.layers.#.self_attn.out_proj.*", to: "blocks.#.attn.proj.*"},
		{from: "encoder.layers.#.layer_norm1.*", to: "blocks.#.norm1.*"},
		{from: "encoder.layers.#.layer_norm2.*", to: "blocks.#.norm2.*"},
		{from: "encoder.layers.#.mlp.fc1.*", to: "blocks.#.mlp.fc1.*"},
		{from: "encoder.layers.#.mlp.fc2.*", to: "blocks.#.mlp.fc2.*"},
		{from: "head.probe", to: "attn_pool.latent"},
		{from: "head.attention.in_proj_weight", to: poolWeights + ".weight"},
		{from: "head.attention.in_proj_bias", to: poolWeights + ".bias"},
		{from: "head.attention.out_proj.*", to: "attn_pool.proj.*"},
		{from: "head.layernorm.*", to: "attn_pool.norm.*"},
		{from: "head.mlp.fc1.*", to: "attn_pool.mlp.fc1.*"},
		{from: "head.mlp.fc2.*", to: "attn_pool.mlp.fc2.*"},
	},
	// The classifiers of CLIPForImageClassification and SiglipForImageClassification see tokens that timm's networks do not have:
	// they stay, to be refused.
	outside: []pair{{from: "visual_projection.weight", to: "head.weight"}}, skipped: hubText,
	finish: func(w *work) error {
		if err := splitPool(w); err != nil {
			return err
		}
		if err := unfoldPatches(w); err != nil {
			return err
		}
		return projection(w)
	},
	positions: func(w *work, _ Family) Resampling {
		if w.unfolded {
			return ResampleNaFlex
		}
		return ResampleHF
	},
	defaults: hubDefaults,
}}

// poolWeights is the query, key and value of SigLIP's attention pooling in one matrix, which timm has in two.
const poolWeights = "attn_pool.qkv"

// splitPool splits query, key and value of the attention pooling into timm's q and kv.
func splitPool(w *work) error {
	for _, end := range []string{".weight", ".bias"} {
		t, ok := w.out[poolWeights+end]
		if !ok {
			continue
		}
		name := w.sources[poolWeights+end]
		if !areFloats(t) || len(t.Shape) == 0 || t.Shape[0]%3 != 0 {
			return fmt.Errorf("tensor %s has shape %v, wanted are floats of query, key and value, one below the other", name, t.Shape)
		}
		w.remove(poolWeights + end)
		d := t.Shape[0] / 3
		q, kv := rows(t, 0, d), rows(t, d, 3*d)
		if err := w.set("attn_pool.q"+end, name, q); err != nil {
			return err
		}
		if err := w.set("attn_pool.kv"+end, name, kv); err != nil {
			return err
		}
	}
	return nil
}

// rows is rows from to to of a tensor, without a copy.
func rows(t tensor.Tensor, from, to int) tensor.Tensor {
	shape := append([]int{to - from}, t.Shape[1:]...)
	size := tensor.Size(t.Shape[1:])
	if isOutline(t) {
		return tensor.Tensor{Shape: shape, Data: []float32(nil)}
	}
	return tensor.Span(t, from*size, shape...)
}

// projection gives the projection into the space of images and texts the bias of zeros that timm's head has.
func projection(w *work) error {
	t, ok := w.out["head.weight"]
	if _, biased := w.out["head.bias"]; !ok || biased || len(t.Shape) != 2 {
		return nil
	}
	return w.set("head.bias", w.sources["head.weight"], tensor.Zeros(t.Shape[0]))
}

// unfoldPatches turns the matrix [d, p*p*3] of a Siglip2VisionModel, whose inputs are patches with the colours innermost, into a
// convolution [d, 3, p, p].
func unfoldPatches(w *work) error {
	const to = "patch_embed.proj.weight"
	t, ok := w.out[to]
	if !ok || len(t.Shape) != 2 {
		return nil
	}
	d, p := t.Shape[0], int(math.Round(math.Sqrt(float64(t.Shape[1])/3)))
	if !areFloats(t) || 3*p*p != t.Shape[1] {
		return fmt.Errorf("tensor %s has shape %v, wanted are floats [d, 3*p*p] for patches of p x p", w.sources[to], t.Shape)
	}
	shape := []int{d, 3, p, p}
	w.out[to], w.unfolded = compute(shape, func(in ...tensor.Tensor) tensor.Tensor { return tensor.SwapLast(in[0], d, p*p, 3, shape) }, t), true
	return nil
}

// openCLIPDefaults is the family's: OpenCLIP computes GELU unless a model's configuration says otherwise. OpenAI's networks compute
// QuickGELU, but only their archives tell that they are OpenAI's.
func openCLIPDefaults(w *work, f Family) Defaults {
	d := f.defaults()
	if slices.ContainsFunc(w.unused, func(name string) bool { return strings.HasSuffix(name, "input_resolution") }) {
		d.Activation, d.Known.Activation = QuickGELU, true
	}
	return d
}
