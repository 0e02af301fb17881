#!/usr/bin/env python3
"""Make dtl/testdata: tiny golden vectors of DTL and DTL+ on a ViT with random weights.

Needs torch, safetensors and dtl_reference.py, an independent PyTorch implementation of the method that is not
part of this repository. Usage: python scripts/make_golden_vectors.py PATH/TO/dtl_reference.py

All cases share backbone.safetensors (timm names) and images.safetensors (float32 [B, S, S, 3] without further
normalisation, and labels). Each case has a folder with the initial trainable tensors (adapter_init), their gradients
(adapter_grad_step1), their values after five AdamW steps (adapter_after), and expected.json: config, logits, the loss
before each step, and the logits after the last. Expected values are computed in float64 from the stored float32 ones.
"""
import dataclasses
import importlib.util
import json
import pathlib
import sys

import torch
from safetensors.torch import save_file

OUT = pathlib.Path(__file__).resolve().parent.parent / "dtl" / "testdata"
SIZES = dict(img_size=16, patch_size=4, dim=12, depth=4, heads=2, mlp_ratio=4.0, rank=2, first_map=0, num_classes=3)
# Name: (kernel, first block with feedback). 1 and 3 are not half the depth, to detect a wrong default.
CASES = {"tiny_dtl": (0, 1), "tiny_dtlplus_k3": (3, 2), "tiny_dtlplus_k4": (4, 3)}
STEPS, RATE, DECAY, BATCH = 5, 1e-3, 0.05, 2


def normal(generator, shape, std, mean=0.0):
    return torch.randn(shape, generator=generator) * std + mean


def backbone_value(generator, name, shape):
    """All weights are random, LayerNorm's included, so that each affects the result; a small stem makes LayerNorm's epsilon matter."""
    if "norm" in name:
        return normal(generator, shape, 0.1, float(name.endswith("weight")))
    if name.startswith("patch_embed"):
        return normal(generator, shape, 0.01)
    if name in ("cls_token", "pos_embed"):
        return normal(generator, shape, 0.02)
    return normal(generator, shape, 0.05 if name.endswith("bias") else shape[1] ** -0.5)


def adapter_value(generator, name, shape):
    """B is not zero here, because theta(h) would be zero too."""
    std = 0.5 if name.startswith("lora_fusion") else 0.3 if name.endswith("lora_A") else 0.1
    return normal(generator, shape, std)


def save(path, tensors):
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: t.detach().contiguous() for name, t in tensors.items()}, path)


def main(reference_path):
    spec = importlib.util.spec_from_file_location("dtl_reference", reference_path)
    reference = importlib.util.module_from_spec(spec)
    sys.modules["dtl_reference"] = reference  # dataclasses look up their module
    spec.loader.exec_module(reference)

    generator = torch.Generator().manual_seed(20240601)
    plain = reference.build(reference.ViTConfig(**SIZES, first_feedback=2))
    weights = {n: backbone_value(generator, n, p.shape) for n, p in plain.backbone.named_parameters()}
    side = SIZES["img_size"]
    images = 2 * torch.rand(BATCH, side, side, 3, generator=generator) - 1
    labels = torch.tensor([2, 0])
    save(OUT / "backbone.safetensors", weights)
    save(OUT / "images.safetensors", {"images": images, "labels": labels})

    for case, (kernel, first_feedback) in CASES.items():
        config = reference.ViTConfig(**SIZES, conv_size=kernel, first_feedback=first_feedback)
        trainable = reference.build(config).trainable_parameters()
        initial = {n: adapter_value(generator, n, p.shape) for n, p in trainable.items()}
        model = reference.build(config, weights, initial).double()
        x = images.permute(0, 3, 1, 2).double()
        gradients = {}

        def keep(step, found):
            if step == 0:
                gradients.update({n: g.float().clone() for n, g in found.items()})

        with torch.no_grad():
            before = model.eval()(x)
        losses = reference.train_steps(model, [(x, labels)] * STEPS, RATE, DECAY, on_grad=keep)
        with torch.no_grad():
            after = model.eval()(x)
        save(OUT / case / "adapter_init.safetensors", initial)
        save(OUT / case / "adapter_grad_step1.safetensors", gradients)
        save(OUT / case / "adapter_after.safetensors", {n: p.float() for n, p in model.trainable_parameters().items()})
        expected = dict(
            config=dataclasses.asdict(config),
            optimizer=dict(lr=RATE, weight_decay=DECAY, steps=STEPS),
            trainable_parameters_without_head=sum(t.numel() for n, t in initial.items() if not n.startswith("head.")),
            logits=before.tolist(), losses=losses, logits_after=after.tolist(),
        )
        (OUT / case / "expected.json").write_text(json.dumps(expected) + "\n")
        print(case, [round(v, 4) for v in losses])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
