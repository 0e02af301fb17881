#!/usr/bin/env python3
"""Make dtl/testdata/rival: golden vectors of the methods that DTL is compared with, on the tiny ViT of
dtl/testdata.

Needs torch and safetensors. Usage: python scripts/make_rival_vectors.py (after make_golden_vectors.py)

Each method is a second implementation in plain PyTorch, following published code: BitFit (KMnP/vpt, tinytl-bias), VPT
(KMnP/vpt), Adapter (KMnP/vpt, Pfeiffer_Block), AdaptFormer (ShoufaChen/AdaptFormer), LoRA (microsoft/LoRA), SSF
(dongzelian/SSF, query, key and value joint). Each method has a file with "value/NAME" (the trainable tensors, random),
"gradient/NAME", "logits" [B, classes] and "loss"; the classifier sees the class token. Computed in float64 from the
stored float32 values.
"""
import math
import pathlib

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

DATA = pathlib.Path(__file__).resolve().parent.parent / "dtl" / "testdata"
PATCH, D, DEPTH, HEADS, MLP, CLASSES = 4, 12, 4, 2, 48, 3
RANK, ALPHA, BOTTLENECK, SCALE, PROMPTS = 3, 6.0, 5, 0.1, 4


class Plain:
    """The backbone. A method overrides the functions where it acts. w: backbone, v: trainable values."""

    def __init__(self, w, v):
        self.w, self.v = w, v

    def shapes(self):
        return {}

    def linear(self, x, name):
        return F.linear(x, self.w[name + ".weight"], self.w[name + ".bias"])

    def norm(self, x, name):
        return F.layer_norm(x, (D,), self.w[name + ".weight"], self.w[name + ".bias"], 1e-6)

    def patches(self, images):
        x = F.conv2d(images, self.w["patch_embed.proj.weight"], self.w["patch_embed.proj.bias"], stride=PATCH)
        return x.flatten(2).transpose(1, 2)

    def qkv(self, x, i):
        return self.linear(x, f"blocks.{i}.attn.qkv")

    def attention(self, x, i):
        b, n, _ = x.shape
        q, k, v = self.qkv(x, i).reshape(b, n, 3, HEADS, D // HEADS).permute(2, 0, 3, 1, 4)
        a = (q @ k.transpose(-2, -1) * (D // HEADS) ** -0.5).softmax(-1)
        return self.linear((a @ v).transpose(1, 2).reshape(b, n, D), f"blocks.{i}.attn.proj")

    def mlp(self, x, i):
        return self.linear(F.gelu(self.linear(x, f"blocks.{i}.mlp.fc1")), f"blocks.{i}.mlp.fc2")

    def block(self, x, i):
        x = x + self.attention(self.norm(x, f"blocks.{i}.norm1"), i)
        return x + self.mlp(self.norm(x, f"blocks.{i}.norm2"), i)

    def enter(self, x, i):
        return x

    def forward(self, images):
        x = self.patches(images)
        x = torch.cat((self.w["cls_token"].expand(len(x), -1, -1), x), 1) + self.w["pos_embed"]
        for i in range(DEPTH):
            x = self.block(self.enter(x, i), i)
        return F.linear(self.norm(x, "norm")[:, 0], self.v["head.weight"], self.v["head.bias"])


class BitFit(Plain):
    """The biases, with the names and shapes of Google's .npz files."""

    NPZ = {"norm1": "LayerNorm_0", "norm2": "LayerNorm_2", "attn.proj": "MultiHeadDotProductAttention_1/out",
           "mlp.fc1": "MlpBlock_3/Dense_0", "mlp.fc2": "MlpBlock_3/Dense_1"}

    def __init__(self, w, v):
        super().__init__(dict(w), v)
        if "embedding/bias" not in v:
            return
        self.w["patch_embed.proj.bias"], self.w["norm.bias"] = v["embedding/bias"], v["Transformer/encoder_norm/bias"]
        for i in range(DEPTH):
            block = f"Transformer/encoderblock_{i}/"
            for timm, npz in self.NPZ.items():
                self.w[f"blocks.{i}.{timm}.bias"] = v[f"{block}{npz}/bias"]
            parts = [v[f"{block}MultiHeadDotProductAttention_1/{p}/bias"].flatten() for p in ("query", "key", "value")]
            self.w[f"blocks.{i}.attn.qkv.bias"] = torch.cat(parts)

    def shapes(self):
        shapes = {"embedding/bias": (D,), "Transformer/encoder_norm/bias": (D,)}
        for i in range(DEPTH):
            block = f"Transformer/encoderblock_{i}/"
            for timm, npz in self.NPZ.items():
                shapes[f"{block}{npz}/bias"] = (MLP,) if timm == "mlp.fc1" else (D,)
            for part in ("query", "key", "value"):
                shapes[f"{block}MultiHeadDotProductAttention_1/{part}/bias"] = (HEADS, D // HEADS)
        return shapes


class VPTShallow(Plain):
    def shapes(self):
        return {"prompt_embeddings.0": (1, PROMPTS, D)}

    def enter(self, x, i):
        if i > 0:
            return x
        return torch.cat((x[:, :1], self.v["prompt_embeddings.0"].expand(len(x), -1, -1), x[:, 1:]), 1)


class VPTDeep(Plain):
    def shapes(self):
        return {f"prompt_embeddings.{i}": (1, PROMPTS, D) for i in range(DEPTH)}

    def enter(self, x, i):
        rest = x[:, 1:] if i == 0 else x[:, 1 + PROMPTS:]
        return torch.cat((x[:, :1], self.v[f"prompt_embeddings.{i}"].expand(len(x), -1, -1), rest), 1)


class Adapter(Plain):
    def shapes(self):
        shapes = {}
        for i in range(DEPTH):
            p = f"blocks.{i}.adapter_"
            shapes |= {p + "downsample.weight": (BOTTLENECK, D), p + "downsample.bias": (BOTTLENECK,),
                       p + "upsample.weight": (D, BOTTLENECK), p + "upsample.bias": (D,)}
        return shapes

    def mlp(self, x, i):
        x, p, v = super().mlp(x, i), f"blocks.{i}.adapter_", self.v
        down = F.gelu(F.linear(x, v[p + "downsample.weight"], v[p + "downsample.bias"]))
        return F.linear(down, v[p + "upsample.weight"], v[p + "upsample.bias"]) + x


class AdaptFormer(Plain):
    def shapes(self):
        shapes = {}
        for i in range(DEPTH):
            p = f"blocks.{i}.adaptmlp."
            shapes |= {p + "down_proj.weight": (BOTTLENECK, D), p + "down_proj.bias": (BOTTLENECK,),
                       p + "up_proj.weight": (D, BOTTLENECK), p + "up_proj.bias": (D,)}
        return shapes

    def block(self, x, i):
        x = x + self.attention(self.norm(x, f"blocks.{i}.norm1"), i)
        p, v = f"blocks.{i}.adaptmlp.", self.v
        down = F.relu(F.linear(x, v[p + "down_proj.weight"], v[p + "down_proj.bias"]))
        beside = F.linear(down, v[p + "up_proj.weight"], v[p + "up_proj.bias"]) * SCALE
        return x + (self.mlp(self.norm(x, f"blocks.{i}.norm2"), i) + beside)


class LoRA(Plain):
    def shapes(self):
        return {f"blocks.{i}.attn.{layer}.lora_{m}": s for i in range(DEPTH) for layer in "qv"
                for m, s in (("A", (RANK, D)), ("B", (D, RANK)))}

    def qkv(self, x, i):
        def low(layer):
            p = f"blocks.{i}.attn.{layer}.lora_"
            return x @ self.v[p + "A"].T @ self.v[p + "B"].T * (ALPHA / RANK)

        q, k, v = super().qkv(x, i).chunk(3, -1)
        return torch.cat((q + low("q"), k, v + low("v")), -1)


class SSF(Plain):
    PLACES = {"ssf_%s_1": D, "ssf_%s_2": D, "attn.ssf_%s_q": D, "attn.ssf_%s_k": D, "attn.ssf_%s_v": D, "attn.ssf_%s_2": D,
              "mlp.ssf_%s_1": MLP, "mlp.ssf_%s_2": D}

    def shapes(self):
        shapes = {}
        for kind in ("scale", "shift"):
            shapes[f"patch_embed.ssf_{kind}_1"] = shapes[f"ssf_{kind}_1"] = (D,)
            for i in range(DEPTH):
                shapes |= {f"blocks.{i}." + name % kind: (width,) for name, width in self.PLACES.items()}
        return shapes

    def ada(self, x, name):
        return x * self.v[name % "scale"] + self.v[name % "shift"]

    def patches(self, images):
        return self.ada(super().patches(images), "patch_embed.ssf_%s_1")

    def norm(self, x, name):
        place = "ssf_%s_1" if name == "norm" else name[:-5] + "ssf_%s_" + name[-1]
        return self.ada(super().norm(x, name), place)

    def linear(self, x, name):
        y = super().linear(x, name)
        block, layer = name.rsplit(".", 1)
        if layer == "qkv":
            scale, shift = (torch.cat([self.v[f"{block}.ssf_{k}_{p}"] for p in "qkv"]) for k in ("scale", "shift"))
            return y * scale + shift
        return self.ada(y, block + ".ssf_%s_" + {"proj": "2", "fc1": "1", "fc2": "2"}[layer])


METHODS = {"bitfit": BitFit, "vpt-shallow": VPTShallow, "vpt-deep": VPTDeep, "adapter": Adapter,
           "adaptformer": AdaptFormer, "lora": LoRA, "ssf": SSF}


def main():
    weights = {n: t.double() for n, t in load_file(DATA / "backbone.safetensors").items()}
    batch = load_file(DATA / "images.safetensors")
    images, labels = batch["images"].permute(0, 3, 1, 2).double(), batch["labels"]
    generator = torch.Generator().manual_seed(20240602)
    for name, method in METHODS.items():
        shapes = {"head.weight": (CLASSES, D), "head.bias": (CLASSES,)} | method(weights, {}).shapes()
        values = {n: 0.3 * torch.randn(s, generator=generator) + float("ssf_scale" in n) for n, s in shapes.items()}
        trained = {n: t.double().requires_grad_() for n, t in values.items()}
        logits = method(weights, trained).forward(images)
        loss = F.cross_entropy(logits, labels)
        loss.backward()
        out = {"logits": logits.detach().float(), "loss": loss.detach().float().reshape(1)}
        out |= {"value/" + n: t for n, t in values.items()}
        out |= {"gradient/" + n: t.grad.float() for n, t in trained.items()}
        assert all(math.isfinite(t.abs().max()) for t in out.values())
        (DATA / "rival").mkdir(exist_ok=True)
        save_file({n: t.contiguous() for n, t in out.items()}, DATA / "rival" / f"{name}.safetensors")
        print(name, sum(t.numel() for n, t in values.items() if not n.startswith("head.")), round(loss.item(), 4))


if __name__ == "__main__":
    main()
