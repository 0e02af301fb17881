#!/usr/bin/env python3
"""Make graph/backbone/swin/testdata: what timm computes from a small Swin with random weights, and its resampling of tables.

Needs torch, timm 1.0.31 and safetensors. Usage: python scripts/make_swin_vectors.py

timm.safetensors: the weights, own head of five classes included, under timm 1.x's names (layers.S.downsample opens stage S).
expected.safetensors: images [2, S, S, 3], already normalised, and timm's features (each token normalised, then the mean) and
logits of them, computed in float64 from the float32 values.
tables.safetensors: relative position tables of windows of 7 and 12, and each resampled by timm to other windows (table_7_12: from 7
to 12), computed in float32 as timm does it.
"""
import pathlib

import torch
from safetensors.torch import save_file
from timm.layers import resize_rel_pos_bias_table
from timm.models.swin_transformer import SwinTransformer

OUT = pathlib.Path(__file__).resolve().parent.parent / "graph" / "backbone" / "swin" / "testdata"
# Grids of 28, 14 and 7 tokens a side: two stages of several windows, shifted in every second block of the stage, and one that is a
# single window and so has no shift. Three blocks in the first stage, to detect a shift in every second block of all.
SIZES = dict(img_size=56, patch_size=2, embed_dim=8, depths=(3, 2, 2), num_heads=(2, 2, 4), window_size=7, num_classes=5)
TABLES = {7: (12, 4), 12: (7,)}  # window: resampled to
HEADS = 2


def normal(generator, shape, std, mean=0.0):
    return torch.randn(shape, generator=generator) * std + mean


def value(generator, name, shape):
    """All weights are random, biases, LayerNorms and tables included, so that each affects the result."""
    if "norm" in name:
        return normal(generator, shape, 0.1, float(name.endswith("weight")))
    if name.startswith("patch_embed"):
        return normal(generator, shape, 0.01)  # so small that LayerNorm's epsilon matters
    if name.endswith("relative_position_bias_table"):
        return normal(generator, shape, 1.0)
    return normal(generator, shape, 0.1 if name.endswith("bias") else shape[1] ** -0.5)


def save(name, tensors):
    save_file({n: t.contiguous() for n, t in tensors.items()}, OUT / name)
    for n, t in tensors.items():
        print(name, n, *t.shape)


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(20261201)
    model = SwinTransformer(**SIZES, drop_path_rate=0.0).eval()
    weights = {n: value(generator, n, p.shape) for n, p in model.state_dict().items()}
    model.load_state_dict(weights)
    side = SIZES["img_size"]
    images = 2 * torch.rand(2, side, side, 3, generator=generator) - 1
    with torch.no_grad():
        tokens = model.double().forward_features(images.permute(0, 3, 1, 2).double())
        features, logits = model.forward_head(tokens, pre_logits=True), model.forward_head(tokens)
    save("timm.safetensors", weights)
    save("expected.safetensors", dict(images=images, features=features.float(), logits=logits.float()))

    tables = {}
    for old, windows in TABLES.items():
        table = normal(generator, ((2 * old - 1) ** 2, HEADS), 1.0)
        tables[f"table_{old}"] = table
        for new in windows:
            tables[f"table_{old}_{new}"] = resize_rel_pos_bias_table(table, (new, new), ((2 * new - 1) ** 2, HEADS))
    save("tables.safetensors", tables)


if __name__ == "__main__":
    main()
