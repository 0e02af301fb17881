#!/usr/bin/env python3
"""Make golden vectors of Res-Tuning-Bypass, Adapter+, VQT and the low-rank-attention net: dtl/testdata/rival/NAME.safetensors on
the tiny ViT of make_rival_vectors.py, with its contents, and rival_swin/adapter+.safetensors on the tiny Swin of
make_swin_rival_vectors.py.

Needs torch 2.15.0 and safetensors. Usage: python scripts/make_tuner_vectors.py (after make_golden_vectors.py and
make_swin_rival_vectors.py)

Each method is a second implementation in plain PyTorch from the papers' equations and public code: modelscope/ms-swift
(swift/tuners/restuning.py), visinf/adapter_plus, and andytu28/VQT, where queries and tokens run through a block together and keys
and values are cut to the tokens. Of LAST no code is public: the low-rank-attention net is this program's reconstruction.
"""
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

import make_rival_vectors as rivals
import make_swin_rival_vectors as swins
from make_rival_vectors import CLASSES, D, DATA, DEPTH, HEADS, Plain

BOTTLENECK, QUERIES = 5, 2
RANK, SIDE_HEADS, SIDE_BLOCKS, SUM_FROM = 6, 3, 2, 1


def residual(x, v, name):
    return x + F.linear(F.gelu(F.linear(x, v[name + "ln1.weight"], v[name + "ln1.bias"])), v[name + "ln2.weight"], v[name + "ln2.bias"])


class Bypass(Plain):
    def shapes(self):
        shapes = {}
        for i in range(DEPTH):
            for tuner in ("lateral", "vertical"):
                p = f"bypass_blocks.{i}.{tuner}_tuner.tuner."
                shapes |= {p + "ln1.weight": (BOTTLENECK, D), p + "ln1.bias": (BOTTLENECK,),
                           p + "ln2.weight": (D, BOTTLENECK), p + "ln2.bias": (D,)}
        return shapes

    def block(self, h, i):
        if i == 0:
            self.x = h.detach()
        h, p = super().block(h, i), f"bypass_blocks.{i}."
        self.x = residual(h.detach(), self.v, p + "lateral_tuner.tuner.") + residual(self.x, self.v, p + "vertical_tuner.tuner.")
        return self.x if i == DEPTH - 1 else h


def adapter_shapes(block, d):
    p = block + "adapter."
    return {p + "bottleneck.1.weight": (BOTTLENECK, d), p + "bottleneck.1.bias": (BOTTLENECK,),
            p + "bottleneck.4.weight": (d, BOTTLENECK), p + "bottleneck.4.bias": (d,), p + "scaling": (d,)}


def adapt(x, v, block):
    p = block + "adapter."
    low = F.gelu(F.linear(x, v[p + "bottleneck.1.weight"], v[p + "bottleneck.1.bias"]))
    return x + F.linear(low, v[p + "bottleneck.4.weight"], v[p + "bottleneck.4.bias"]) * v[p + "scaling"]


class AdapterPlus(Plain):
    def shapes(self):
        return {n: s for i in range(DEPTH) for n, s in adapter_shapes(f"blocks.{i}.", D).items()}

    def block(self, x, i):
        return adapt(super().block(x, i), self.v, f"blocks.{i}.")


class SwinAdapterPlus(swins.Plain):
    def shapes(self):
        return {n: t for s, i in swins.BLOCKS for n, t in adapter_shapes(swins.in_block(s, i), swins.width(s)).items()}

    def block(self, x, s, i):
        return adapt(super().block(x, s, i), self.v, swins.in_block(s, i))


class VQT(Plain):
    head = D * (1 + DEPTH * QUERIES)

    def shapes(self):
        return {f"query_prompt_embeddings.{i}": (1, QUERIES, D) for i in range(DEPTH)}

    def attention(self, x, i):
        b, n, _ = x.shape
        q, k, v = self.qkv(x, i).reshape(b, n, 3, HEADS, D // HEADS).permute(2, 0, 3, 1, 4)
        k, v = k[:, :, QUERIES:], v[:, :, QUERIES:]
        a = (q @ k.transpose(-2, -1) * (D // HEADS) ** -0.5).softmax(-1)
        return self.linear((a @ v).transpose(1, 2).reshape(b, n, D), f"blocks.{i}.attn.proj")

    def block(self, x, i):
        y = super().block(torch.cat((self.v[f"query_prompt_embeddings.{i}"].expand(len(x), -1, -1), x), 1), i)
        self.answers = ([] if i == 0 else self.answers) + [y[:, :QUERIES].flatten(1)]
        return y[:, QUERIES:]

    def forward(self, images):
        v, self.v = self.v, self.v | {"head.weight": torch.eye(D).double(), "head.bias": torch.zeros(D).double()}
        cls = super().forward(images)
        self.v = v
        features = torch.cat([F.normalize(f) for f in [cls] + self.answers], 1)
        return F.linear(features, v["head.weight"], v["head.bias"])


class LowRankNet(Plain):
    def shapes(self):
        return {f"lra.{j}.{n}": s for j in range(SIDE_BLOCKS)
                for n, s in (("down", (RANK, D)), ("qkv", (3 * RANK, RANK)), ("up", (D, RANK)))}

    def block(self, x, i):
        x = super().block(x, i)
        self.outputs = ([] if i == 0 else self.outputs) + [x.detach()]
        if i < DEPTH - 1:
            return x
        z = torch.stack(self.outputs[SUM_FROM:]).mean(0)
        for j in range(SIDE_BLOCKS):
            w = [self.v[f"lra.{j}.{n}"] for n in ("down", "qkv", "up")]
            b, n, _ = z.shape
            q, k, v = (z @ w[0].T @ w[1].T).reshape(b, n, 3, SIDE_HEADS, -1).permute(2, 0, 3, 1, 4)
            z = z + F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, n, RANK) @ w[2].T
        return z


METHODS = {"res-tuning-bypass": Bypass, "adapter+": AdapterPlus, "vqt": VQT, "lra": LowRankNet}
ON_SWIN = {"adapter+": SwinAdapterPlus}


def make(method, weights, batch, head, path):
    """Writes the file of one method. head is the number of features that the classifier reads."""
    generator = torch.Generator().manual_seed(20261127)
    images, labels = batch["images"].permute(0, 3, 1, 2).double(), batch["labels"]
    shapes = {"head.weight": (CLASSES, head), "head.bias": (CLASSES,)} | method(weights, {}).shapes()
    values = {n: 0.3 * torch.randn(s, generator=generator) + float(n.endswith("scaling")) for n, s in shapes.items()}
    trained = {n: t.double().requires_grad_() for n, t in values.items()}
    logits = method(weights, trained).forward(images)
    loss = F.cross_entropy(logits, labels)
    loss.backward()
    out = {"logits": logits.detach().float(), "loss": loss.detach().float().reshape(1)}
    out |= {"value/" + n: t for n, t in values.items()}
    out |= {"gradient/" + n: t.grad.float() for n, t in trained.items()}
    assert all(t.isfinite().all() for t in out.values())
    save_file({n: t.contiguous() for n, t in out.items()}, path)
    print(path.parent.name, path.stem, sum(t.numel() for n, t in values.items() if not n.startswith("head.")), round(loss.item(), 4))


def main():
    weights = {n: t.double() for n, t in load_file(DATA / "backbone.safetensors").items()}
    batch = load_file(DATA / "images.safetensors")
    for name, method in METHODS.items():
        make(method, weights, batch, getattr(method, "head", D), DATA / "rival" / f"{name}.safetensors")
    folder = DATA / "rival_swin"
    weights = {n: t.double() for n, t in load_file(folder / "backbone.safetensors").items()}
    batch = load_file(folder / "images.safetensors")
    for name, method in ON_SWIN.items():
        make(method, weights, batch, swins.width(len(swins.DEPTHS) - 1), folder / f"{name}.safetensors")


if __name__ == "__main__":
    main()
