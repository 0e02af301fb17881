#!/usr/bin/env python3
"""Make cmd/dtl-tf/testdata/adapter: files as the official PyTorch code writes them, and their expected logits.

    python scripts/make_adapter_vectors.py
    python scripts/make_adapter_vectors.py --check BACKBONE ADAPTER PREDICTIONS

Needs torch, safetensors, numpy and pillow. The module below has the parameter names of the official implementation of DTL
(heekhero/DTL v1.1, models/vision_transformer.py), and so have its state dicts. The backbone is that of
dtl/testdata, the images are those of cmd/dtl-tf/testdata/predict. For each case, expected.json lists the files, the flags for
settings that the files do not tell, and the logits, computed in float64 from the stored values.

--check is the opposite direction: it loads an adapter that dtl-tf wrote into the module, strictly, and compares the module's
logits with the lines of 'dtl-tf predict --json'.
"""
import json
import math
import pathlib
import struct
import sys

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import nn

ROOT = pathlib.Path(__file__).resolve().parent.parent
WEIGHTS = ROOT / "dtl" / "testdata" / "backbone.safetensors"
IMAGES = ROOT / "cmd" / "dtl-tf" / "testdata" / "predict"
OUT = ROOT / "cmd" / "dtl-tf" / "testdata" / "adapter"
HEADS = 2


class PatchEmbed(nn.Module):
    def __init__(self, patch, d):
        super().__init__()
        self.proj = nn.Conv2d(3, d, patch, stride=patch)


class Attention(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.heads, self.qkv, self.proj = heads, nn.Linear(d, 3 * d), nn.Linear(d, d)

    def forward(self, x):
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        weights = (q @ k.mT / math.sqrt(q.shape[-1])).softmax(-1)
        return self.proj((weights @ v).transpose(1, 2).flatten(2))


class Block(nn.Module):
    def __init__(self, d, heads, hidden):
        super().__init__()
        self.norm1, self.attn, self.norm2 = nn.LayerNorm(d, eps=1e-6), Attention(d, heads), nn.LayerNorm(d, eps=1e-6)
        self.mlp = nn.Sequential()
        self.mlp.fc1, self.mlp.act, self.mlp.fc2 = nn.Linear(d, hidden), nn.GELU(), nn.Linear(hidden, d)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class LowRank(nn.Module):
    def __init__(self, d, r):
        super().__init__()
        self.lora_A, self.lora_B = nn.Parameter(torch.zeros(r, d)), nn.Parameter(torch.zeros(d, r))

    def forward(self, x):
        return x @ self.lora_A.T @ self.lora_B.T


class Official(nn.Module):
    """[B, 3, S, S] normalised images -> [B, classes]. maps and feedback are the first blocks with maps and with feedback; kernel 0 is DTL, not DTL+."""

    def __init__(self, weights, classes, rank, kernel, maps=0, feedback=None, beta=100.0, heads=HEADS):
        super().__init__()
        d, _, patch, _ = weights["patch_embed.proj.weight"].shape
        depth = 1 + max(int(n.split(".")[1]) for n in weights if n.startswith("blocks."))
        hidden = weights["blocks.0.mlp.fc1.weight"].shape[0]
        self.beta, self.feedback = beta, depth // 2 if feedback is None else feedback
        self.patch_embed = PatchEmbed(patch, d)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, d))
        self.pos_embed = nn.Parameter(torch.zeros(weights["pos_embed"].shape))
        self.blocks = nn.Sequential(*[Block(d, heads, hidden) for _ in range(depth)])
        self.norm = nn.LayerNorm(d, eps=1e-6)
        self.head = nn.Linear(d, classes)
        self.lora_dict = nn.ModuleDict({str(i): LowRank(d, rank) for i in range(maps, depth)})
        self.lora_fusion = nn.Conv2d(d, d, kernel, padding="same", groups=d, bias=False) if kernel else None

    def forward(self, images):
        x = self.patch_embed.proj(images).flatten(2).mT
        side = math.isqrt(x.shape[1])
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1) + self.pos_embed
        h = torch.zeros_like(x)
        for i, block in enumerate(self.blocks):
            if str(i) in self.lora_dict:
                h = h + self.lora_dict[str(i)](x)
            x = block(x)
            if i >= self.feedback:
                theta = h * torch.sigmoid(self.beta * h)
                if self.lora_fusion is not None:
                    grid = self.lora_fusion(theta[:, 1:].mT.unflatten(2, (side, side)))
                    theta = torch.cat([theta[:, :1], grid.flatten(2).mT], 1)
                x = x + theta
        return self.head(self.norm(x[:, 1:].mean(1)))

    def adapter(self):
        """The tensors that the official code trains, by name."""
        return {n: t for n, t in self.state_dict().items() if "lora_" in n or n.startswith("head.")}


def images(paths):
    pixels = np.stack([np.asarray(Image.open(p).convert("RGB")) for p in paths])
    return (torch.from_numpy(pixels).permute(0, 3, 1, 2).double() / 255 - 0.5) / 0.5


def header(path):
    with open(path, "rb") as f:
        return json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))


def make():
    OUT.mkdir(parents=True, exist_ok=True)
    weights = load_file(WEIGHTS)
    x = images(sorted(IMAGES.glob("*.png")))
    generator = torch.Generator().manual_seed(20241124)
    expected = {}
    # Name: kernel, first map, first feedback, type of the adapter's file and of the backbone's, whole state dict, prefix.
    for name, kernel, maps, feedback, dtype, backbone_dtype, whole, prefix in [
        ("dtl_f16", 0, 0, None, torch.float16, torch.float32, False, ""),
        ("dtl_bf16", 0, 0, 1, torch.bfloat16, torch.bfloat16, False, ""),
        ("dtl_f64", 0, 0, 3, torch.float64, torch.float64, False, ""),
        ("dtl_late", 0, 2, 3, torch.float32, torch.float16, False, ""),
        ("dtlplus_f16", 3, 0, None, torch.float16, torch.float16, False, ""),
        ("dtlplus_whole", 4, 0, 1, torch.float32, torch.float32, True, "module."),
    ]:
        model = Official(weights, 3, 2, kernel, maps, feedback)
        for n, t in model.adapter().items():
            std = 0.5 if n.startswith("lora_fusion") else 0.3 if n.endswith("lora_A") else 0.1
            t.copy_(torch.randn(t.shape, generator=generator) * std)
        stored = {n: t.to(dtype) for n, t in model.adapter().items()}
        below = {n: t.to(backbone_dtype) for n, t in weights.items()}
        adapter, backbone = f"{name}.safetensors", f"backbone_{str(backbone_dtype)[6:]}.safetensors"
        save_file(below, OUT / backbone)
        everything = {**(below if whole else {}), **stored}
        save_file({prefix + n: t.contiguous() for n, t in everything.items()}, OUT / adapter)
        # dtl-tf reads every value as float32.
        model.load_state_dict({n: t.float() for n, t in {**below, **stored}.items()}, strict=True)
        with torch.no_grad():
            logits = model.double().eval()(x)
        flags = [] if feedback is None else ["--feedback-from", str(feedback)]
        expected[name] = {"adapter": adapter, "backbone": backbone, "flags": flags, "logits": logits.tolist()}
    (OUT / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


def check(backbone, adapter, predictions):
    weights, stored = load_file(backbone), load_file(adapter)
    meta = header(adapter)["__metadata__"]
    assert meta["format"] == "pt", meta
    fusion = stored.get("lora_fusion.weight")
    model = Official(weights, stored["head.weight"].shape[0], stored["lora_dict.0.lora_A"].shape[0],
                     0 if fusion is None else fusion.shape[-1], 0, int(meta["feedback_from"]), float(meta["beta"]))
    found = model.load_state_dict(stored, strict=False)  # as the official code does after loading the backbone
    assert not found.unexpected_keys, found.unexpected_keys
    assert set(found.missing_keys) == set(model.state_dict()) - set(model.adapter()), found.missing_keys
    body = {n: t for n, t in weights.items() if not n.startswith(("head.", "pre_logits."))}
    assert not model.load_state_dict({**body, **stored}, strict=True).missing_keys
    lines = [json.loads(line) for line in open(predictions)]
    with torch.no_grad():
        logits = model.double().eval()(images([line["image"] for line in lines]))
    worst = (logits - torch.tensor([line["logits"] for line in lines])).abs().max().item()
    assert worst <= 1e-4, f"logits differ by {worst}"
    print(f"{meta['method']}: {len(lines)} images, logits within {worst:.1e}")


if __name__ == "__main__":
    if len(sys.argv) == 5 and sys.argv[1] == "--check":
        check(*sys.argv[2:])
    elif len(sys.argv) == 1:
        make()
    else:
        sys.exit(__doc__)
