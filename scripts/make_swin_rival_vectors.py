#!/usr/bin/env python3
"""Make dtl/testdata/rival_swin: golden vectors of the methods that DTL is compared with, on a tiny Swin.

Needs torch and safetensors. Usage: python scripts/make_swin_rival_vectors.py

Each method is a second implementation in plain PyTorch, following published code: BitFit and VPT (KMnP/vpt, tinytl-bias and
vit_prompt/swin_transformer.py), SSF (dongzelian/SSF, models/swin_transformer.py, query, key and value joint), and Adapter, AdaptFormer
and LoRA as in make_rival_vectors.py. Two differences to that code: each image keeps its own prompts, where VPT's reshaping mixes
those of a batch, and SSF has its pair after the norm of a patch merging, as its class says and its network does not have.

backbone.safetensors holds the weights under the names of timm before 0.9, images.safetensors a batch. Each method has a file with
"value/NAME" (the trainable tensors, random), "gradient/NAME", "logits" [B, classes] and "loss". Computed in float64 from the
stored float32 values.
"""
import math
import pathlib

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

DATA = pathlib.Path(__file__).resolve().parent.parent / "dtl" / "testdata" / "rival_swin"
# A grid of 8 x 8 in four windows, which shift in block 1, then 4 x 4 in one window.
IMAGE, PATCH, WINDOW, WIDTH, RATIO, DEPTHS, HEADS, CLASSES, BATCH = 16, 2, 4, 8, 2, (2, 2), (2, 2), 3, 2
RANK, ALPHA, BOTTLENECK, SCALE, PROMPTS = 3, 6.0, 5, 0.1, 3
BLOCKS = [(s, i) for s, depth in enumerate(DEPTHS) for i in range(depth)]
LAYERS = {"attn.proj": (1, 1), "mlp.fc1": (1, RATIO), "mlp.fc2": (RATIO, 1)}  # inputs and outputs in widths


def width(stage):
    return WIDTH << stage


def in_block(s, i):
    return f"layers.{s}.blocks.{i}."


def backbone_shapes():
    shapes = {"patch_embed.proj.weight": (WIDTH, 3, PATCH, PATCH), "patch_embed.proj.bias": (WIDTH,)}

    def norm(name, d):
        shapes[name + ".weight"] = shapes[name + ".bias"] = (d,)

    norm("patch_embed.norm", WIDTH)
    for s, i in BLOCKS:
        d, p = width(s), in_block(s, i)
        norm(p + "norm1", d)
        norm(p + "norm2", d)
        shapes |= {p + "attn.qkv.weight": (3 * d, d), p + "attn.qkv.bias": (3 * d,)}
        shapes[p + "attn.relative_position_bias_table"] = ((2 * WINDOW - 1) ** 2, HEADS[s])
        for name, (a, b) in LAYERS.items():
            shapes |= {f"{p}{name}.weight": (b * d, a * d), f"{p}{name}.bias": (b * d,)}
    for s in range(len(DEPTHS) - 1):
        norm(f"layers.{s}.downsample.norm", 4 * width(s))
        shapes[f"layers.{s}.downsample.reduction.weight"] = (2 * width(s), 4 * width(s))
    norm("norm", width(len(DEPTHS) - 1))
    return shapes


class Plain:
    """The backbone. A method overrides the functions where it acts. w: backbone, v: trainable values."""

    extra = 0  # tokens before the patches

    def __init__(self, w, v):
        self.w, self.v = w, v

    def shapes(self):
        return {}

    def linear(self, x, name):
        return F.linear(x, self.w[name + ".weight"], self.w[name + ".bias"])

    def norm(self, x, name):
        return F.layer_norm(x, x.shape[-1:], self.w[name + ".weight"], self.w[name + ".bias"], 1e-5)

    def patches(self, images):
        x = F.conv2d(images, self.w["patch_embed.proj.weight"], self.w["patch_embed.proj.bias"], stride=PATCH)
        return x.flatten(2).transpose(1, 2)

    def qkv(self, x, s, i):
        return self.linear(x, in_block(s, i) + "attn.qkv")

    def bias(self, s, i, side, shift):
        """[windows, heads, T, T] with T tokens: relative positions and the mask, zero where an extra token takes part."""
        table = self.w[in_block(s, i) + "attn.relative_position_bias_table"]
        n = side // WINDOW
        place = [(r, c) for r in range(WINDOW) for c in range(WINDOW)]
        total = table.new_zeros(n * n, HEADS[s], self.extra + len(place), self.extra + len(place))
        rows = torch.tensor([[(a[0] - b[0] + WINDOW - 1) * (2 * WINDOW - 1) + a[1] - b[1] + WINDOW - 1 for b in place] for a in place])
        mask = table.new_zeros(n * n, len(place), len(place))
        for w in range(n * n):
            # Where the patches of the window are on the unrolled grid: neighbours only if nothing wrapped around between them.
            wrapped = [((w // n * WINDOW + r + shift) // side, (w % n * WINDOW + c + shift) // side) for r, c in place]
            for a in range(len(place)):
                for b in range(len(place)):
                    mask[w, a, b] = -100.0 * (wrapped[a] != wrapped[b])
        total[:, :, self.extra:, self.extra:] = table[rows].permute(2, 0, 1) + mask[:, None]
        return total

    def attention(self, x, s, i):
        b, _, d = x.shape
        side = IMAGE // PATCH >> s
        shift = WINDOW // 2 if i % 2 == 1 and side > WINDOW else 0
        n, heads = side // WINDOW, HEADS[s]
        first, rest = x[:, :self.extra], x[:, self.extra:]
        grid = torch.roll(rest.reshape(b, side, side, d), (-shift, -shift), (1, 2))
        windows = grid.reshape(b, n, WINDOW, n, WINDOW, d).transpose(2, 3).reshape(b, n * n, WINDOW * WINDOW, d)
        windows = torch.cat((first[:, None].expand(-1, n * n, -1, -1), windows), 2)
        q, k, v = self.qkv(windows, s, i).reshape(b, n * n, -1, 3, heads, d // heads).permute(3, 0, 1, 4, 2, 5)
        a = (q @ k.transpose(-2, -1) * (d // heads) ** -0.5 + self.bias(s, i, side, shift)).softmax(-1)
        y = self.linear((a @ v).transpose(2, 3).reshape(windows.shape), in_block(s, i) + "attn.proj")
        grid = y[:, :, self.extra:].reshape(b, n, n, WINDOW, WINDOW, d).transpose(2, 3).reshape(b, side, side, d)
        rest = torch.roll(grid, (shift, shift), (1, 2)).reshape(rest.shape)
        return torch.cat((y[:, :, :self.extra].mean(1), rest), 1)

    def mlp(self, x, s, i):
        p = in_block(s, i) + "mlp."
        return self.linear(F.gelu(self.linear(x, p + "fc1")), p + "fc2")

    def block(self, x, s, i):
        x = x + self.attention(self.norm(x, in_block(s, i) + "norm1"), s, i)
        return x + self.mlp(self.norm(x, in_block(s, i) + "norm2"), s, i)

    def enter(self, x, s, i):
        return x

    def merge(self, x, s):
        side = IMAGE // PATCH >> s
        first, grid = x[:, :self.extra], x[:, self.extra:].reshape(len(x), side, side, -1)
        merged = torch.cat([grid[:, r::2, c::2] for c in (0, 1) for r in (0, 1)], -1).flatten(1, 2)
        y = self.norm(torch.cat((first.repeat(1, 1, 4), merged), 1), f"layers.{s}.downsample.norm")
        return y @ self.w[f"layers.{s}.downsample.reduction.weight"].T

    def forward(self, images):
        x = self.norm(self.patches(images), "patch_embed.norm")
        for s, depth in enumerate(DEPTHS):
            for i in range(depth):
                x = self.block(self.enter(x, s, i), s, i)
            if s < len(DEPTHS) - 1:
                x = self.merge(x, s)
        return F.linear(self.norm(x, "norm").mean(1), self.v["head.weight"], self.v["head.bias"])


class BitFit(Plain):
    """Everything with "bias" in its timm name, under the names of the Go program."""

    def __init__(self, w, v):
        super().__init__(dict(w), v)
        for timm, parts in self.names().items():
            if parts[0] in v:
                self.w[timm] = torch.cat([v[p] for p in parts]) if len(parts) > 1 else v[parts[0]]

    @staticmethod
    def names():
        names = {}
        for timm in backbone_shapes():
            if "bias" not in timm:
                continue
            go = timm.replace("proj.bias", "proj/bias").replace("norm.bias", "norm/bias").replace("patch_embed.", "patch_embed/")
            go = go.replace("downsample.", "downsample/")
            if ".blocks." in timm:
                block, rest = ".".join(timm.split(".")[:4]), timm.split(".")[4:]
                go = block + "/" + "/".join(rest)
            names[timm] = [go.replace("qkv", p) for p in ("query", "key", "value")] if "qkv" in go else [go]
        return names

    def shapes(self):
        all_shapes = backbone_shapes()
        return {p: (all_shapes[timm][0] // len(parts), *all_shapes[timm][1:]) for timm, parts in self.names().items() for p in parts}


class VPTShallow(Plain):
    extra = PROMPTS

    def shapes(self):
        return {"prompt_embeddings.0": (1, PROMPTS, WIDTH)}

    def enter(self, x, s, i):
        if (s, i) != (0, 0):
            return x
        return torch.cat((self.v["prompt_embeddings.0"].expand(len(x), -1, -1), x), 1)


class VPTDeep(Plain):
    extra = PROMPTS

    def shapes(self):
        return {f"prompt_embeddings.{n}": (1, PROMPTS, width(s)) for n, (s, _) in enumerate(BLOCKS)}

    def enter(self, x, s, i):
        patches = x if (s, i) == (0, 0) else x[:, PROMPTS:]
        return torch.cat((self.v[f"prompt_embeddings.{BLOCKS.index((s, i))}"].expand(len(x), -1, -1), patches), 1)


def bottleneck_shapes(down, up):
    shapes = {}
    for s, i in BLOCKS:
        p, d = in_block(s, i), width(s)
        shapes |= {f"{p}{down}.weight": (BOTTLENECK, d), f"{p}{down}.bias": (BOTTLENECK,),
                   f"{p}{up}.weight": (d, BOTTLENECK), f"{p}{up}.bias": (d,)}
    return shapes


class Adapter(Plain):
    def shapes(self):
        return bottleneck_shapes("adapter_downsample", "adapter_upsample")

    def mlp(self, x, s, i):
        x, p, v = super().mlp(x, s, i), in_block(s, i) + "adapter_", self.v
        down = F.gelu(F.linear(x, v[p + "downsample.weight"], v[p + "downsample.bias"]))
        return F.linear(down, v[p + "upsample.weight"], v[p + "upsample.bias"]) + x


class AdaptFormer(Plain):
    def shapes(self):
        return bottleneck_shapes("adaptmlp.down_proj", "adaptmlp.up_proj")

    def block(self, x, s, i):
        x = x + self.attention(self.norm(x, in_block(s, i) + "norm1"), s, i)
        p, v = in_block(s, i) + "adaptmlp.", self.v
        down = F.relu(F.linear(x, v[p + "down_proj.weight"], v[p + "down_proj.bias"]))
        beside = F.linear(down, v[p + "up_proj.weight"], v[p + "up_proj.bias"]) * SCALE
        return x + (self.mlp(self.norm(x, in_block(s, i) + "norm2"), s, i) + beside)


class LoRA(Plain):
    def shapes(self):
        return {f"{in_block(s, i)}attn.{layer}.lora_{m}": shape for s, i in BLOCKS for layer in "qv"
                for m, shape in (("A", (RANK, width(s))), ("B", (width(s), RANK)))}

    def qkv(self, x, s, i):
        def low(layer):
            p = f"{in_block(s, i)}attn.{layer}.lora_"
            return x @ self.v[p + "A"].T @ self.v[p + "B"].T * (ALPHA / RANK)

        q, k, v = super().qkv(x, s, i).chunk(3, -1)
        return torch.cat((q + low("q"), k, v + low("v")), -1)


class SSF(Plain):
    PLACES = {"ssf_%s_1": 1, "ssf_%s_2": 1, "attn.ssf_%s_q": 1, "attn.ssf_%s_k": 1, "attn.ssf_%s_v": 1, "attn.ssf_%s_2": 1,
              "mlp.ssf_%s_1": RATIO, "mlp.ssf_%s_2": 1}

    def shapes(self):
        shapes = {}
        for kind in ("scale", "shift"):
            shapes[f"patch_embed.ssf_{kind}_1"] = shapes[f"patch_embed.ssf_{kind}_2"] = (WIDTH,)
            for s, i in BLOCKS:
                shapes |= {in_block(s, i) + name % kind: (times * width(s),) for name, times in self.PLACES.items()}
            shapes |= {f"layers.{s}.downsample.ssf_{kind}_1": (4 * width(s),) for s in range(len(DEPTHS) - 1)}
            shapes[f"ssf_{kind}_1"] = (width(len(DEPTHS) - 1),)
        return shapes

    def ada(self, x, name):
        return x * self.v[name % "scale"] + self.v[name % "shift"]

    def patches(self, images):
        return self.ada(super().patches(images), "patch_embed.ssf_%s_1")

    def norm(self, x, name):
        places = {"norm": "ssf_%s_1", "patch_embed.norm": "patch_embed.ssf_%s_2"}
        place = name[:-5] + "ssf_%s_" + name[-1]
        if name.endswith("downsample.norm"):
            place = name[:-4] + "ssf_%s_1"
        return self.ada(super().norm(x, name), places.get(name, place))

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
    DATA.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(20261127)

    def normal(shape, std, mean=0.0):
        return torch.randn(shape, generator=generator) * std + mean

    stored = {}
    for name, shape in backbone_shapes().items():
        if "norm" in name:
            stored[name] = normal(shape, 0.1, float(name.endswith("weight")))
        elif name.endswith("table"):
            stored[name] = normal(shape, 1.0)
        else:
            stored[name] = normal(shape, 0.1 if name.endswith("bias") else math.prod(shape[1:]) ** -0.5)
    batch = {"images": 2 * torch.rand(BATCH, IMAGE, IMAGE, 3, generator=generator) - 1, "labels": torch.tensor([2, 0])}
    save_file(stored, DATA / "backbone.safetensors")
    save_file(batch, DATA / "images.safetensors")
    weights = {n: t.double() for n, t in stored.items()}
    images = batch["images"].permute(0, 3, 1, 2).double()
    for name, method in METHODS.items():
        shapes = {"head.weight": (CLASSES, width(len(DEPTHS) - 1)), "head.bias": (CLASSES,)} | method(weights, {}).shapes()
        values = {n: normal(s, 0.3, float("ssf_scale" in n)) for n, s in shapes.items()}
        trained = {n: t.double().requires_grad_() for n, t in values.items()}
        logits = method(weights, trained).forward(images)
        loss = F.cross_entropy(logits, batch["labels"])
        loss.backward()
        out = {"logits": logits.detach().float(), "loss": loss.detach().float().reshape(1)}
        out |= {"value/" + n: t for n, t in values.items()}
        out |= {"gradient/" + n: t.grad.float() for n, t in trained.items()}
        assert all(math.isfinite(t.abs().max()) for t in out.values())
        save_file({n: t.contiguous() for n, t in out.items()}, DATA / f"{name}.safetensors")
        print(name, sum(t.numel() for n, t in values.items() if not n.startswith("head.")), round(loss.item(), 4))


if __name__ == "__main__":
    main()
