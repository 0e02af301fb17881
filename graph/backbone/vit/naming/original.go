package naming

import (
	"fmt"
	"math"
	"slices"

	"dtl-tf/graph/tensor"
)

// original is the repositories of DINOv3, DINOv2, MAE and DeiT-III. Apart from the pairs here their names are timm's.
var original = []naming{
	dinov3Original, dinov2Original("blocks.$.#."), dinov2Original("blocks.#."), maeOriginal, deit3Original,
}

// distillationHeads is the names of heads of self-distillation in DINO, DINOv2 and DINOv3, and those of DINOv2's classifiers.
var distillationHeads = []pair{
	{from: "dino_head.**"}, {from: "ibot_head.**"}, {from: "head.mlp.**"}, {from: "head.last_layer.**"},
	{from: "linear_head.*", to: "head.*"},
}

// dinov3Original is vision_transformer.py of facebookresearch/dinov3.
var dinov3Original = naming{
	library: Original, anchor: timmAnchor, owns: anyOf("storage_tokens", "rope_embed.periods", "blocks.#.attn.qkv.bias_mask"),
	inside: []pair{
		{from: "storage_tokens", to: "reg_token"},
		{from: "mask_token"},
		{from: "rope_embed.periods"}, // a buffer that follows from the width of the heads
		{from: "local_cls_norm.*"},   // of small crops in training
		{from: "blocks.#.ls1.gamma", to: "blocks.#.gamma_1"},
		{from: "blocks.#.ls2.gamma", to: "blocks.#.gamma_2"},
		{from: "blocks.#.mlp.w1.*", to: "blocks.#.mlp.fc1_g.*"},
		{from: "blocks.#.mlp.w2.*", to: "blocks.#.mlp.fc1_x.*"},
		{from: "blocks.#.mlp.w3.*", to: "blocks.#.mlp.fc2.*"},
		{from: anything, to: anything},
	},
	outside: distillationHeads, finish: maskKeyBias, positions: timmPositions,
}

// dinov2Original is vision_transformer.py of facebookresearch/dinov2. Where training split the blocks into chunks, the number of
// the chunk precedes that of the block; blocks count through all chunks.
func dinov2Original(block string) naming {
	n := naming{
		library: Original, anchor: timmAnchor,
		owns: func(v view) bool {
			return v.has(block+"ls1.gamma") && (v.has("mask_token") || v.has("register_tokens") || v.has(block+"mlp.w12.*"))
		},
		inside: []pair{
			{from: "register_tokens", to: "reg_token"},
			{from: "mask_token"},
			{from: block + "mlp.w12.*", to: "blocks.#.mlp.fc1.*"},
			{from: block + "mlp.w3.*", to: "blocks.#.mlp.fc2.*"},
			{from: block + anything, to: "blocks.#." + anything},
			{from: anything, to: anything},
		},
		outside: distillationHeads, finish: splitClassPosition,
		positions: func(w *work, _ Family) Resampling { // interpolate_pos_encoding
			if w.has("reg_token") {
				return ResampleTimm
			}
			return ResampleDINOv2
		},
	}
	return n
}

// maeOriginal is models_mae.py of facebookresearch/mae.
var maeOriginal = naming{
	library: Original, anchor: timmAnchor, owns: anyOf("decoder_embed.*", "decoder_blocks.#.**"),
	inside:    []pair{{from: "mask_token"}, {from: "decoder_**"}, {from: anything, to: anything}},
	positions: plainPositions, // interpolate_pos_embed
}

// deit3Original is models_v2.py of facebookresearch/deit. Other networks with gamma_1 (BEiT, EVA) have a position of the class token
// or none at all.
var deit3Original = naming{
	library: Original, anchor: timmAnchor,
	owns: func(v view) bool {
		position := v.tensors[v.prefix+"pos_embed"].Shape
		return v.has("blocks.#.gamma_1") && v.has("blocks.#.attn.qkv.bias") && len(position) == 3 && isSquare(position[1])
	},
	inside: []pair{
		{from: "blocks.#.gamma_1", to: "blocks.#.ls1.gamma"},
		{from: "blocks.#.gamma_2", to: "blocks.#.ls2.gamma"},
		{from: anything, to: anything},
	},
	positions: plainPositions, // main.py
}

// plainPositions is torch's bicubic interpolation without options.
func plainPositions(*work, Family) Resampling { return ResampleHF }

// splitClassPosition adds the position of the class token to that token if there are registers, and leaves the positions of the
// patches, as timm does: the registers come between the class token and the patches, and have no positions.
func splitClassPosition(w *work) error {
	class, position := w.out["cls_token"], w.out["pos_embed"]
	if !w.has("reg_token") || !areFloats(class) || !areFloats(position) {
		return nil
	}
	d := tensor.Size(class.Shape)
	if len(position.Shape) != 3 || position.Shape[0] != 1 || position.Shape[1] == 0 || position.Shape[2] != d {
		return fmt.Errorf("tensor %s has shape %v, which does not fit the %v of %s", w.sources["pos_embed"], position.Shape, class.Shape, w.sources["cls_token"])
	}
	w.out["cls_token"] = compute(class.Shape, func(in ...tensor.Tensor) tensor.Tensor {
		sum := in[0].Clone()
		for i, v := range in[1].Float32()[:d] {
			sum.Float32()[i] += v
		}
		return sum
	}, class, position)
	rest := []int{1, position.Shape[1] - 1, d}
	w.out["pos_embed"] = compute(rest, func(in ...tensor.Tensor) tensor.Tensor { return tensor.Span(in[0], d, rest...) }, position)
	return nil
}

// maskKeyBias splits the biases of query, key and value as timm does, which has none of the key's: the key's is masked, or zero.
// One that has an effect stays, to be refused.
func maskKeyBias(w *work) error {
	for _, to := range w.out.Names() {
		if found, ok := match("blocks.#.attn.qkv.bias_mask", to); ok {
			if err := w.checkMask(to, found.fill("blocks.#.attn.qkv.bias")); err != nil {
				return err
			}
		}
	}
	for _, to := range w.out.Names() {
		found, ok := match("blocks.#.attn.qkv.bias", to)
		bias, mask := w.out[to], to+"_mask"
		if !ok || !areFloats(bias) || len(bias.Shape) != 1 || bias.Shape[0]%3 != 0 {
			continue
		}
		d := bias.Shape[0] / 3
		if !w.has(mask) && !isOutline(bias) && slices.ContainsFunc(bias.Float32()[d:2*d], func(v float32) bool { return v != 0 }) {
			continue
		}
		name := w.sources[to]
		w.remove(to)
		if w.has(mask) {
			w.drop(mask)
		}
		if err := w.set(found.fill("blocks.#.attn.q_bias"), name, rows(bias, 0, d)); err != nil {
			return err
		}
		if err := w.set(found.fill("blocks.#.attn.v_bias"), name, rows(bias, 2*d, 3*d)); err != nil {
			return err
		}
	}
	return nil
}

// checkMask fails unless a mask hides the biases of the key and no others. A hidden one has 0 there, or NaN if it was never set.
func (w *work) checkMask(mask, bias string) error {
	t, size := w.out[mask], tensor.Size(w.out[bias].Shape)
	fits := areFloats(t) && tensor.Size(t.Shape) == size && size%3 == 0 && w.has(bias)
	for i, v := range t.Float32() {
		hides := v == 0 || math.IsNaN(float64(v))
		fits = fits && hides == (i/(size/3) == 1) && (hides || v == 1)
	}
	if !fits {
		return fmt.Errorf("tensor %s is no mask that hides the bias of the key and nothing else in %s", w.sources[mask], w.prefix+bias)
	}
	return nil
}
