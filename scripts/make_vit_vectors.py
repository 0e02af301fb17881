#!/usr/bin/env python3
"""Make graph/backbone/vit/testdata/family: what timm computes from small networks of each family with random weights.

Needs torch, timm 1.0.31 and safetensors. Usage: python scripts/make_vit_vectors.py

NAME.safetensors: the weights under timm's names, and beside them, named test/..., images [2, S, S, 3], already normalised, and for each
pool timm's features, and logits of the own head, computed in float64 from the float32 values. The pools are computed from timm's
normalised tokens: cls, mean (as timm's "avg" does it: fc_norm of the mean where the network has fc_norm, otherwise the mean of normalised
tokens, except that test/mean of plain networks is the norm of the mean), mean+cls, map.

position.safetensors: position embeddings of a grid of 9, and each rule's resampling to grids of 6, 7 and 18: timm's, that of Hugging Face
transformers (interpolate_pos_encoding), that of DINOv2's repository (interpolate_offset 0.1), that of transformers' SigLIP2 of any shape
(resize_positional_embeddings) and torchvision's (interpolate_embeddings).
parameters.json: the number of parameters of the published networks without head.
"""
import json
import pathlib

import timm
import torch
from safetensors.torch import save_file
from timm.layers import SwiGLUPacked, resample_abs_pos_embed
from timm.models.deit import VisionTransformerDistilled
from timm.models.eva import Eva
from timm.models.vision_transformer import VisionTransformer
from torchvision.models.vision_transformer import interpolate_embeddings
from transformers.models.siglip2.modeling_siglip2 import Siglip2VisionEmbeddings

OUT = pathlib.Path(__file__).resolve().parent.parent / "graph" / "backbone" / "vit" / "testdata" / "family"
WIDTH, HIDDEN = 24, 16  # HIDDEN: of SwiGLU
VIT = dict(img_size=12, patch_size=4, embed_dim=WIDTH, depth=2, num_heads=2, num_classes=3, mlp_ratio=2)
QUICK, TANH = "quick_gelu", "gelu_tanh"
GATED = 0.01 + HIDDEN / WIDTH  # rounded down to HIDDEN
SWIGLU = dict(mlp_ratio=2 * HIDDEN / WIDTH + 0.01, mlp_layer=SwiGLUPacked, act_layer=torch.nn.SiLU)
EVA = dict(VIT, qkv_bias=True, swiglu_mlp=True, mlp_ratio=GATED, use_rot_pos_emb=True, ref_feat_shape=(16, 16), global_pool="avg")
DINOV3 = dict(
    VIT, qkv_bias=False, init_values=1e-5, rope_type="dinov3", rope_temperature=100, use_rot_pos_emb=True, use_abs_pos_emb=False,
    rope_rotate_half=True, num_reg_tokens=4, use_fc_norm=False, global_pool="avg",
    norm_layer=lambda d, **k: torch.nn.LayerNorm(d, eps=1e-5, **k),
)


def clip(**more):
    norm = lambda d, **k: torch.nn.LayerNorm(d, eps=1e-5, **k)
    model = VisionTransformer(**VIT, pre_norm=True, norm_layer=norm, final_norm=True, **more)
    model.head = torch.nn.Linear(WIDTH, VIT["num_classes"], bias=False)  # CLIP's projection
    return model


def siglip(**more):
    return VisionTransformer(**dict(VIT, num_classes=0), class_token=False, global_pool="map", **more)


FAMILIES = {
    "plain": lambda: VisionTransformer(**VIT),
    "dinov2": lambda: VisionTransformer(**VIT, init_values=1e-5),
    "dinov2_reg4": lambda: VisionTransformer(**VIT, init_values=1e-5, reg_tokens=4, no_embed_class=True),
    "dinov2_giant": lambda: VisionTransformer(**dict(VIT, init_values=1e-5, **SWIGLU)),
    "deit3": lambda: VisionTransformer(**VIT, init_values=1e-6, no_embed_class=True),
    "deit_distilled": lambda: VisionTransformerDistilled(**VIT),
    "dinov3": lambda: Eva(**DINOV3),
    "dinov3_qkvb": lambda: Eva(**dict(DINOV3, qkv_bias=True)),
    "dinov3_plus": lambda: Eva(**dict(DINOV3, swiglu_mlp=True, swiglu_align_to=8, mlp_ratio=GATED)),
    "clip": lambda: clip(),
    "clip_quickgelu": lambda: clip(act_layer=QUICK),
    "siglip": lambda: siglip(),
    "siglip_tanh": lambda: siglip(act_layer=TANH),
    "siglip_gap": lambda: VisionTransformer(**VIT, class_token=False, global_pool="avg", fc_norm=False),
    "eva02_small": lambda: Eva(**EVA),
    "eva02_base": lambda: Eva(**EVA, qkv_fused=False, scale_mlp=True),
}
PUBLISHED = {
    "vit_b16": "vit_base_patch16_224", "dinov2_s14": "vit_small_patch14_dinov2", "dinov2_b14": "vit_base_patch14_dinov2",
    "dinov2_l14": "vit_large_patch14_dinov2", "dinov2_g14": "vit_giant_patch14_dinov2", "dinov2_reg_s14": "vit_small_patch14_reg4_dinov2",
    "dinov2_reg_b14": "vit_base_patch14_reg4_dinov2", "dinov2_reg_l14": "vit_large_patch14_reg4_dinov2",
    "dinov2_reg_g14": "vit_giant_patch14_reg4_dinov2", "dinov3_s16": "vit_small_patch16_dinov3", "dinov3_b16": "vit_base_patch16_dinov3",
    "dinov3_l16": "vit_large_patch16_dinov3", "clip_b32": "vit_base_patch32_clip_quickgelu_224",
    "clip_b16": "vit_base_patch16_clip_quickgelu_224", "clip_l14": "vit_large_patch14_clip_quickgelu_224",
    "siglip_b16": "vit_base_patch16_siglip_224", "siglip_l16": "vit_large_patch16_siglip_256", "siglip_so400m14": "vit_so400m_patch14_siglip_224",
    "deit3_s16": "deit3_small_patch16_224", "deit3_b16": "deit3_base_patch16_224", "deit3_l16": "deit3_large_patch16_224",
    "eva02_ti14": "eva02_tiny_patch14_224", "eva02_s14": "eva02_small_patch14_224", "eva02_b14": "eva02_base_patch14_224",
    "eva02_l14": "eva02_large_patch14_224",
}


def value(generator, name, shape):
    """All weights are random, biases, norms and scales included, so that each affects the result."""
    drawn = torch.randn(shape, generator=generator)
    if "norm" in name or "gamma" in name:
        return (1 if name.endswith("weight") or "gamma" in name else 0) + 0.2 * drawn
    if name.endswith("bias") or len(shape) < 2:
        return 0.2 * drawn
    if name.split(".")[0] in ("cls_token", "reg_token", "dist_token", "pos_embed") or name.endswith("latent"):
        return drawn
    return drawn / torch.tensor(shape[1:]).prod().sqrt()


def vectors(model, generator):
    model.eval()
    weights = {n: value(generator, n, p.shape) for n, p in model.named_parameters()}
    model.load_state_dict(weights, strict=False)
    side = VIT["img_size"]
    images = 2 * torch.rand(2, side, side, 3, generator=generator) - 1
    model.double()
    out = {"test/images": images}
    prefix = getattr(model, "num_prefix_tokens", 0)
    with torch.no_grad():
        x = images.permute(0, 3, 1, 2).double()
        tokens = model.forward_features(x)
        if prefix:
            out["test/cls"] = tokens[:, 0]
            out["test/mean+cls"] = torch.cat([tokens[:, 0], tokens[:, prefix:].mean(1)], 1)
        if isinstance(model, VisionTransformerDistilled):
            out["test/cls+dist"] = torch.cat([tokens[:, 0], tokens[:, 1]], 1)
        norm = model.norm
        model.norm = torch.nn.Identity()
        raw = model.forward_features(x)[:, prefix:].mean(1)
        model.norm = norm
        fc_norm = getattr(model, "fc_norm", None)
        if not isinstance(norm, torch.nn.Identity):
            out["test/mean"] = norm(raw)
            out["test/normed mean"] = tokens[:, prefix:].mean(1)
        else:
            out = {"test/images": images, "test/mean": fc_norm(raw), "test/cls": fc_norm(tokens[:, 0])}
        if getattr(model, "attn_pool", None) is not None:
            out["test/map"] = model.attn_pool(tokens)
        if model.num_classes:
            out["test/logits"] = model(x)
    return weights, {n: t.float().contiguous() for n, t in out.items()}


def hf(positions, new):
    old = int(positions.shape[1] ** 0.5)
    grid = positions.reshape(1, old, old, -1).permute(0, 3, 1, 2)
    return torch.nn.functional.interpolate(grid, size=(new, new), mode="bicubic", align_corners=False)


def original(positions, new):
    old = int(positions.shape[1] ** 0.5)
    grid = positions.reshape(1, old, old, -1).permute(0, 3, 1, 2)
    scale = float(new + 0.1) / old
    return torch.nn.functional.interpolate(grid, scale_factor=(scale, scale), mode="bicubic")


def naflex(positions, new):
    old = int(positions.shape[1] ** 0.5)
    resize = Siglip2VisionEmbeddings.resize_positional_embeddings
    return resize(positions.reshape(old, old, -1), torch.tensor([[new, new]]), max_length=new * new)


def torchvision_(positions, new):
    state = {"encoder.pos_embedding": torch.cat([torch.zeros_like(positions[:, :1]), positions], 1)}
    return interpolate_embeddings(new * 4, 4, state)["encoder.pos_embedding"][:, 1:]


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(20261127)
    for name, build in FAMILIES.items():
        weights, expected = vectors(build(), generator)
        save_file({n: t.contiguous() for n, t in weights.items()} | expected, OUT / f"{name}.safetensors")
        print(name, *(n for n in expected))
    table = torch.randn(1, 81, 3, generator=generator)
    tables = {"from_9": table}
    for new in (6, 7, 18):
        tables[f"timm_{new}"] = resample_abs_pos_embed(table, (new, new), num_prefix_tokens=0)
        tables[f"hf_{new}"] = hf(table, new).permute(0, 2, 3, 1).reshape(1, -1, 3)
        tables[f"dinov2_{new}"] = original(table, new).permute(0, 2, 3, 1).reshape(1, -1, 3)
        tables[f"naflex_{new}"], tables[f"torchvision_{new}"] = naflex(table, new), torchvision_(table, new)
    save_file({n: t.contiguous() for n, t in tables.items()}, OUT / "position.safetensors")
    counts = {}
    with torch.device("meta"):
        for name, published in PUBLISHED.items():
            counts[name] = sum(p.numel() for p in timm.create_model(published, num_classes=0).parameters())
    (OUT / "parameters.json").write_text(json.dumps(counts, indent=1) + "\n")


if __name__ == "__main__":
    main()
