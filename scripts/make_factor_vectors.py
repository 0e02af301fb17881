#!/usr/bin/env python3
"""Make the golden vectors of FacT-TT, FacT-TK, NOAH and LST in dtl/testdata: rival/NAME.safetensors, as make_rival_vectors.py
makes for the other methods, and lst_pruned.safetensors, the side network that LST prunes from the tiny ViT.

Needs torch and safetensors. Usage: python scripts/make_factor_vectors.py (after make_golden_vectors.py)

Each method is a second implementation in plain PyTorch: FacT from the paper's formula, one d x d matrix of the network at a time
(JieShibo/PETL-ViT); NOAH following ZhangYuanhan-AI/NOAH, with prompts after the patches as there; LST following
ylsung/Ladder-Side-Tuning (seq2seq) with the blocks of a ViT, pruned with select-and-drop lists as in pruning_without_residual.
"""
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

import make_rival_vectors as rivals
from make_rival_vectors import CLASSES, D, DATA, DEPTH, HEADS, MLP, Plain

SCALE, TT_RANK, TK_RANK = 0.7, 3, 4
REDUCTION = 2
WIDTH, HIDDEN = D // REDUCTION, MLP // REDUCTION
PARTS = MLP // D
SLICES = 4 + 2 * PARTS


class FacT(Plain):
    """Builds the full update of the weights: delta(i, j) is the d x d matrix j of block i, [out, in]."""

    def linear(self, x, name):
        y = super().linear(x, name)
        _, i, layer = name.split(".", 2)
        i = int(i)
        if layer == "attn.qkv":
            return y + x @ torch.cat([self.delta(i, j) for j in range(3)]).T
        if layer == "attn.proj":
            return y + x @ self.delta(i, 3).T
        if layer == "mlp.fc1":  # slices of the output
            return y + x @ torch.cat([self.delta(i, 4 + j) for j in range(PARTS)]).T
        return y + x @ torch.cat([self.delta(i, 4 + PARTS + j) for j in range(PARTS)], 1).T  # fc2: slices of the input

    def delta(self, i, j):
        return SCALE * self.v["FacTv.weight"] @ self.core(i, j) @ self.v["FacTu.weight"]


class FacTTT(FacT):
    def shapes(self):
        r = TT_RANK
        shapes = {"FacTu.weight": (r, D), "FacTv.weight": (D, r)}
        for i in range(DEPTH):
            shapes |= {f"blocks.{i}.attn.{n}_FacTs.weight": (r, r) for n in ("q", "k", "v", "proj")}
            shapes |= {f"blocks.{i}.mlp.fc1_FacTs.weight": (PARTS * r, r), f"blocks.{i}.mlp.fc2_FacTs.weight": (r, PARTS * r)}
        return shapes

    def core(self, i, j):
        r = TT_RANK
        if j < 4:
            return self.v[f"blocks.{i}.attn.{('q', 'k', 'v', 'proj')[j]}_FacTs.weight"]
        if j < 4 + PARTS:
            return self.v[f"blocks.{i}.mlp.fc1_FacTs.weight"][(j - 4) * r:(j - 3) * r]
        j -= 4 + PARTS
        return self.v[f"blocks.{i}.mlp.fc2_FacTs.weight"][:, j * r:(j + 1) * r]


class FacTTK(FacT):
    def shapes(self):
        r = TK_RANK
        return {"FacTu.weight": (r, D), "FacTv.weight": (D, r), "FacTp": (SLICES * DEPTH, r), "FacTc": (r, r, r)}

    def core(self, i, j):
        core = torch.einsum("abk,k->ab", self.v["FacTc"], self.v["FacTp"][SLICES * i + j])
        return core if j < 4 + PARTS else core.T


class NOAH(Plain):
    adapters, loras, prompts = (3,) * DEPTH, (2,) * DEPTH, (4,) * DEPTH

    def shapes(self):
        shapes = {}
        for i, (a, r, p) in enumerate(zip(self.adapters, self.loras, self.prompts)):
            block = f"blocks.{i}."
            if p:
                shapes[block + "visual_prompt_token"] = (1, p, D)
            if r:
                shapes |= {block + "attn.LoRA_a.weight": (r, D), block + "attn.LoRA_b.weight": (3 * D, r)}
            if a:
                shapes |= {block + "adapter.ln1.weight": (a, D), block + "adapter.ln1.bias": (a,),
                           block + "adapter.ln2.weight": (D, a), block + "adapter.ln2.bias": (D,)}
        return shapes

    def enter(self, x, i):
        x = x[:, :self.w["pos_embed"].shape[1]]
        if not self.prompts[i]:
            return x
        return torch.cat((x, self.v[f"blocks.{i}.visual_prompt_token"].expand(len(x), -1, -1)), 1)

    def qkv(self, x, i):
        y, p = super().qkv(x, i), f"blocks.{i}.attn.LoRA_"
        return F.linear(F.linear(x, self.v[p + "a.weight"]), self.v[p + "b.weight"]) + y if self.loras[i] else y

    def mlp(self, x, i):
        x, p, v = super().mlp(x, i), f"blocks.{i}.adapter.", self.v
        if not self.adapters[i]:
            return x
        u = F.linear(x, v[p + "ln1.weight"], v[p + "ln1.bias"])
        return x + F.linear(u * torch.sigmoid(1.702 * u), v[p + "ln2.weight"], v[p + "ln2.bias"])


class NOAHSizes(NOAH):
    adapters, loras, prompts = (5, 0, 3, 2), (2, 3, 0, 1), (3, 1, 0, 4)


class LST(Plain):
    def shapes(self):
        def linear(name, i, o):
            return {name + ".weight": (o, i), name + ".bias": (o,)}

        shapes = linear("side_first_downsample", D, WIDTH) | linear("side_final_upsample", WIDTH, D)
        shapes |= {"final_side_layer_norm.weight": (WIDTH,), "final_side_layer_norm.bias": (WIDTH,)}
        for i in range(DEPTH):
            block = f"side_block.{i}."
            shapes |= linear(f"side_downsamples.{i}", D, WIDTH) | {f"side_gate_params.{i}": (1,)}
            for norm in ("norm1", "norm2"):
                shapes |= {f"{block}{norm}.weight": (WIDTH,), f"{block}{norm}.bias": (WIDTH,)}
            for layer in ("q", "k", "v", "proj"):
                shapes |= linear(f"{block}attn.{layer}", WIDTH, WIDTH)
            shapes |= linear(block + "mlp.fc1", WIDTH, HIDDEN) | linear(block + "mlp.fc2", HIDDEN, WIDTH)
        return shapes

    def side(self, x, name):
        if "norm" in name:
            return F.layer_norm(x, (WIDTH,), self.v[name + ".weight"], self.v[name + ".bias"], 1e-6)
        return F.linear(x, self.v[name + ".weight"], self.v[name + ".bias"])

    def side_block(self, h, i):
        b, n, _ = h.shape
        p = f"side_block.{i}."
        y = self.side(h, p + "norm1")
        heads = [self.side(y, p + "attn." + s).reshape(b, n, HEADS, -1).transpose(1, 2) for s in "qkv"]
        h = h + self.side(F.scaled_dot_product_attention(*heads).transpose(1, 2).reshape(b, n, WIDTH), p + "attn.proj")
        return h + self.side(F.gelu(self.side(self.side(h, p + "norm2"), p + "mlp.fc1")), p + "mlp.fc2")

    def enter(self, x, i):
        if i == 0:
            self.h = self.side(x.detach(), "side_first_downsample")
        return x

    def block(self, x, i):
        z = super().block(x, i)
        gate = torch.sigmoid(self.v[f"side_gate_params.{i}"] / 0.1)
        self.h = self.side_block(gate * self.h + (1 - gate) * self.side(z, f"side_downsamples.{i}"), i)
        if i < DEPTH - 1:
            return z
        return self.side(self.side(self.h, "final_side_layer_norm"), "side_final_upsample")


def drop(importance, keep):
    """The rows to drop: those with the smallest L1 norms."""
    norms = importance.reshape(len(importance), -1).abs().sum(1)
    return torch.sort(torch.argsort(norms)[:len(norms) - keep])[0].tolist()


def select(rows, dropped):
    return rows[sorted(set(range(len(rows))) - set(dropped))]


def prune(w):
    """LST's pruning_without_residual for a ViT in timm's names, [out, in]."""
    out = {}
    gone = drop(w["patch_embed.proj.weight"], WIDTH)
    for i in range(DEPTH):
        def norm(name):
            for kind in ("weight", "bias"):
                out[f"side_block.{i}.{name}.{kind}"] = select(w[f"blocks.{i}.{name}.{kind}"], gone)

        def linear(names, weights, biases, keep):
            nonlocal gone
            weights = [select(x.T, gone).T for x in weights]
            product = 1
            for x in weights:
                product = product * x.double()
            gone = drop(product, keep)
            for name, weight, bias in zip(names, weights, biases):
                out[f"side_block.{i}.{name}.weight"], out[f"side_block.{i}.{name}.bias"] = select(weight, gone), select(bias, gone)

        p = f"blocks.{i}."
        norm("norm1")
        linear(["attn.q", "attn.k", "attn.v"], w[p + "attn.qkv.weight"].chunk(3), w[p + "attn.qkv.bias"].chunk(3), WIDTH)
        linear(["attn.proj"], [w[p + "attn.proj.weight"]], [w[p + "attn.proj.bias"]], WIDTH)
        norm("norm2")
        linear(["mlp.fc1"], [w[p + "mlp.fc1.weight"]], [w[p + "mlp.fc1.bias"]], HIDDEN)
        linear(["mlp.fc2"], [w[p + "mlp.fc2.weight"]], [w[p + "mlp.fc2.bias"]], WIDTH)
    for kind in ("weight", "bias"):
        out[f"final_side_layer_norm.{kind}"] = select(w[f"norm.{kind}"], gone)
    return out


if __name__ == "__main__":
    rivals.METHODS = {"fact-tt": FacTTT, "fact-tk": FacTTK, "noah": NOAH, "noah-sizes": NOAHSizes, "lst": LST}
    rivals.main()
    pruned = prune(load_file(DATA / "backbone.safetensors"))
    save_file({n: t.contiguous() for n, t in pruned.items()}, DATA / "lst_pruned.safetensors")
