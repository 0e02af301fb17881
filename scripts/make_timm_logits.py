#!/usr/bin/env python3
"""Make graph/backbone/vit/testdata: what timm and torch compute from two public ViT-Ti/16 and from position embeddings.

Needs torch, timm 0.6 and safetensors. Usage: python scripts/make_timm_logits.py FOLDER
FOLDER holds vit_tiny_patch16_224.npz (Google's layout, mean = std = 0.5) and deit_tiny_patch16_224.safetensors
(timm's names, ImageNet's mean and std).

logits.safetensors: the 1,000 logits of both backbones for two computed images (see image).
position.safetensors: position embeddings of a 14 x 14 grid resampled to 24 x 24 and 7 x 7 in
float64 (timm's float32 is off by up to 4e-6), class token unchanged.
"""
import pathlib
import sys

import numpy as np
import timm
import torch
from safetensors.torch import load_file, save_file

OUT = pathlib.Path(__file__).resolve().parent.parent / "graph" / "backbone" / "vit" / "testdata"
SIDE = 224
IMAGENET = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
HALF = [0.5] * 3, [0.5] * 3


def image(i):
    """Image i as uint8 [S, S, 3], from integer arithmetic only, so that a test in any language can compute it:
    (x (3+c) (1-i) + y (1+2c) + floor(x y / (16 << i)) + 40 c) mod 256, where terms may be negative."""
    y, x, c = np.meshgrid(np.arange(SIDE), np.arange(SIDE), np.arange(3), indexing="ij")
    return ((x * (3 + c) * (1 - i) + y * (1 + 2 * c) + x * y // (16 << i) + 40 * c) % 256).astype(np.uint8)


def logits(model, normalisation):
    mean, std = (torch.tensor(v, dtype=torch.float64) for v in normalisation)
    images = torch.from_numpy(np.stack([image(0), image(1)])).double() / 255
    with torch.no_grad():
        return model.double().eval()(((images - mean) / std).permute(0, 3, 1, 2)).float()


def resample(position, side):
    """Current timm's resample_abs_pos_embed of [1, 1 + n*n, d]."""
    old = int((position.shape[1] - 1) ** 0.5)
    grid = position[:, 1:].reshape(1, old, old, -1).permute(0, 3, 1, 2)
    grid = torch.nn.functional.interpolate(grid, size=(side, side), mode="bicubic", antialias=True, align_corners=False)
    return torch.cat([position[:, :1], grid.permute(0, 2, 3, 1).reshape(1, side * side, -1)], 1)


def main(folder):
    folder = pathlib.Path(folder)
    OUT.mkdir(parents=True, exist_ok=True)

    google = timm.create_model("vit_tiny_patch16_224")
    google.load_pretrained(str(folder / "vit_tiny_patch16_224.npz"))
    deit = timm.create_model("deit_tiny_patch16_224")
    deit.load_state_dict(load_file(folder / "deit_tiny_patch16_224.safetensors"))
    found = {"vit_tiny_patch16_224.npz": logits(google, HALF), "deit_tiny_patch16_224.safetensors": logits(deit, IMAGENET)}
    save_file({name: t.contiguous() for name, t in found.items()}, OUT / "logits.safetensors")
    for name, t in found.items():
        print(name, "classes", t.argmax(1).tolist(), "highest", t.max(1).values.tolist())

    position = torch.randn(1, 1 + 14 * 14, 3, generator=torch.Generator().manual_seed(14))
    found = {f"to_{side}": resample(position.double(), side).float().contiguous() for side in (24, 7)}
    save_file({"from_14": position, **found}, OUT / "position.safetensors")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
