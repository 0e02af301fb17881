#!/usr/bin/env python3
"""PyTorch's side of `make bench`: a process that holds one DTL model and trains on one batch whenever bench.py asks for it.

    python bench_torch.py --backbone vit_b16 --batch 8 --precision fp32 --threads 2 [--compile] [--fused] [--device cuda [--tf32]]

Commands come as lines on standard input, answers go as lines of JSON to standard output, as in benchstep:

    step   {"seconds": ..., "loss": ...}        one training step
    peak   {"bytes": ..., "resident": ...}      peak of the allocator's bytes during one more step

On a GPU every step copies its batch there from pinned memory, as bytes, and normalises it there. fp16 is torch.autocast with a loss scale.

The step follows the official implementation (heekhero/DTL, models/vision_transformer.py and swin_transformer.py on timm):
attention that materialises its softmax, nn.LayerNorm, nn.GELU, h <- h + x A^T B^T before each block with a map, theta(h) =
h sigmoid(beta h) added after blocks M.., h anew in each stage; AdamW without decay on biases. A ViT takes the mean over the
patch tokens, then LayerNorm and head; a Swin takes LayerNorm of each token, the mean, head. bf16 is torch.autocast around
forward pass and loss, with float32 weights, as is usual in PyTorch.

timm has a second form of attention, F.scaled_dot_product_attention, which TIMM_FUSED_ATTN=2 turns on for a Swin and which later
versions use for a ViT. A Swin and DINOv2 (a ViT with LayerScale, which the official implementation lacks) use the faster one: in fp32
the second (measured on Swin-B at batch 8: 0.82 of the time, 1.02 of the bytes; on DINOv2-B at 518 pixels and batch 4: 0.50 of the time,
0.39 of the bytes), in bf16 the first (the second takes 1.43 of the time, 0.89 of the bytes of Swin-B). --fused gives it to any
backbone.
"""
import argparse
import itertools
import json
import math
import resource
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

from bench_sizes import BACKBONES, CLASSES

BETA = 100.0


class Attention(nn.Module):
    """(B, T, d) -> (B, T, d)."""

    def __init__(self, width, heads, fused=False):
        super().__init__()
        self.heads, self.scale, self.fused = heads, (width // heads) ** -0.5, fused
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def mix(self, q, k, v):
        if self.fused:
            return F.scaled_dot_product_attention(q, k, v)
        weights = (q @ k.transpose(-2, -1)) * self.scale  # (B, heads, T, T)
        return weights.softmax(dim=-1) @ v

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = self.qkv(x).reshape(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        return self.proj(self.mix(q, k, v).transpose(1, 2).reshape(b, t, d))


class WindowAttention(Attention):
    """(B, S, S, d) -> (B, S, S, d): attention within windows of w x w tokens. With a shift, the map is rolled by it before and
    back after, and a mask parts tokens that only the roll made neighbours."""

    def __init__(self, width, heads, side, window, shift, fused):
        super().__init__(width, heads, fused)
        self.window, self.shift = window, shift
        span = 2 * window - 1
        self.relative_position_bias_table = nn.Parameter(0.02 * torch.randn(span ** 2, heads))
        place = torch.cartesian_prod(torch.arange(window), torch.arange(window))  # row and column of each token of a window
        offset = place[:, None] - place + window - 1
        self.register_buffer("index", (offset[..., 0] * span + offset[..., 1]).flatten())
        mask = None
        if shift:
            zone = torch.arange(side).ge(side - window).long() + torch.arange(side).ge(side - shift)
            zone = self.partition((3 * zone[:, None] + zone)[None, ..., None]).flatten(1)
            mask = torch.where(zone[:, None] == zone[:, :, None], 0.0, -100.0)  # (windows, w*w, w*w)
        self.register_buffer("mask", mask)

    def partition(self, x):
        b, s, _, d = x.shape
        n, w = s // self.window, self.window
        return x.view(b, n, w, n, w, d).permute(0, 1, 3, 2, 4, 5).contiguous().view(-1, w * w, d)

    def reverse(self, x, s):
        n, w = s // self.window, self.window
        return x.view(-1, n, n, w, w, x.shape[-1]).permute(0, 1, 3, 2, 4, 5).contiguous().view(-1, s, s, x.shape[-1])

    def mix(self, q, k, v):
        b, _, t, _ = q.shape  # b: B * windows
        bias = self.relative_position_bias_table[self.index].view(t, t, -1).permute(2, 0, 1).contiguous()[None]
        if self.fused:
            if self.mask is not None:
                mask = self.mask[None, :, None].expand(b // len(self.mask), -1, self.heads, -1, -1)
                bias = bias + mask.reshape(b, self.heads, t, t)
            return F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        weights = (q * self.scale) @ k.transpose(-2, -1) + bias
        if self.mask is not None:
            weights = (weights.view(-1, len(self.mask), self.heads, t, t) + self.mask[:, None]).view(b, self.heads, t, t)
        return weights.softmax(dim=-1) @ v

    def forward(self, x):
        side = x.shape[1]
        if self.shift:
            x = torch.roll(x, (-self.shift, -self.shift), (1, 2))
        x = self.reverse(super().forward(self.partition(x)), side)
        return torch.roll(x, (self.shift, self.shift), (1, 2)) if self.shift else x


class LayerScale(nn.Module):
    """A factor for each channel, as in DINOv2."""

    def __init__(self, width):
        super().__init__()
        self.gamma = nn.Parameter(1e-5 * torch.ones(width))

    def forward(self, x):
        return x * self.gamma


class Block(nn.Module):
    def __init__(self, width, attention, eps, layer_scale=False):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=eps), nn.LayerNorm(width, eps=eps)
        self.attn = attention
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.ls1, self.ls2 = (LayerScale(width) if layer_scale else nn.Identity() for _ in range(2))

    def forward(self, x):
        x = x + self.ls1(self.attn(self.norm1(x)))
        x = x + self.ls2(self.mlp(self.norm2(x)))
        return x


class ViT(nn.Module):
    """embed: images -> (B, T, d). pool: (B, T, d) -> (B, d). A stage is what precedes its blocks, and the blocks."""

    def __init__(self, size, fused):
        super().__init__()
        stage, = size.stages
        self.patches = nn.Conv2d(3, stage.width, size.patch, stride=size.patch)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, stage.width))
        self.pos_embed = nn.Parameter(0.02 * torch.randn(1, stage.tokens, stage.width))
        self.blocks = nn.ModuleList(
            Block(stage.width, Attention(stage.width, stage.heads, fused), 1e-6, size.layer_scale) for _ in range(stage.blocks))
        self.norm = nn.LayerNorm(stage.width, eps=1e-6)
        self.stages = [(nn.Identity(), self.blocks)]

    def embed(self, images):
        x = self.patches(images).flatten(2).transpose(1, 2)
        return torch.cat((self.cls_token.expand(len(x), -1, -1), x), dim=1) + self.pos_embed

    def pool(self, x):
        return self.norm(x[:, 1:].mean(dim=1))


class Merging(nn.Module):
    """(B, S, S, d) -> (B, S/2, S/2, 2d), between two stages. The tokens of a 2 x 2 cell are concatenated column by column."""

    def __init__(self, width):
        super().__init__()
        self.norm = nn.LayerNorm(4 * width, eps=1e-5)
        self.reduction = nn.Linear(4 * width, 2 * width, bias=False)

    def forward(self, x):
        b, s, _, d = x.shape
        x = x.reshape(b, s // 2, 2, s // 2, 2, d).permute(0, 1, 3, 4, 2, 5).flatten(3)
        return self.reduction(self.norm(x))


class Swin(nn.Module):
    """embed: images -> (B, S, S, d). pool: (B, S, S, d) -> (B, d). A stage is what precedes its blocks, and the blocks."""

    def __init__(self, size, fused):
        super().__init__()
        width = size.stages[0].width
        self.patches, self.patch_norm = nn.Conv2d(3, width, size.patch, stride=size.patch), nn.LayerNorm(width, eps=1e-5)
        self.downsamples, self.layers = nn.ModuleList(), nn.ModuleList()
        for start, stage in zip(size.starts, size.stages):
            side, window = math.isqrt(stage.tokens), math.isqrt(stage.reach)
            attentions = [WindowAttention(stage.width, stage.heads, side, window, window // 2 * size.shifted(i), fused)
                          for i in range(start, start + stage.blocks)]
            self.downsamples.append(Merging(stage.width // 2) if start else nn.Identity())
            self.layers.append(nn.ModuleList(Block(stage.width, attention, eps=1e-5) for attention in attentions))
        self.norm = nn.LayerNorm(size.stages[-1].width, eps=1e-5)
        self.stages = list(zip(self.downsamples, self.layers))

    def embed(self, images):
        return self.patch_norm(self.patches(images).permute(0, 2, 3, 1))

    def pool(self, x):
        return self.norm(x).mean(dim=(1, 2))


class LowRank(nn.Module):
    """x A^T B^T with A (r, d) and B (d, r), zero at the start."""

    def __init__(self, width, rank):
        super().__init__()
        self.lora_A = nn.Parameter(nn.init.kaiming_uniform_(torch.empty(rank, width), a=math.sqrt(5)))
        self.lora_B = nn.Parameter(torch.zeros(width, rank))

    def forward(self, x):
        return x @ self.lora_A.T @ self.lora_B.T


class DTL(nn.Module):
    """Images (B, 3, S, S), normalised, -> logits (B, classes). Only the low-rank maps and the head train."""

    def __init__(self, size, fused, classes=CLASSES):
        super().__init__()
        self.size = size
        self.backbone = (Swin(size, fused) if size.family == "swin" else ViT(size, fused)).requires_grad_(False)
        self.maps = nn.ModuleDict({str(i): LowRank(stage.width, size.rank) for i, stage in enumerate(size.blocks())
                                   if i >= size.maps_from})
        self.head = nn.Linear(size.stages[-1].width, classes)

    def forward(self, images):
        x, i = self.backbone.embed(images), 0
        for enter, blocks in self.backbone.stages:
            x, h = enter(x), 0.0
            for block in blocks:
                if i >= self.size.maps_from:
                    h = h + self.maps[str(i)](x)
                x = block(x)
                if i >= self.size.feedback_from:
                    x = x + h * torch.sigmoid(h * BETA)
                i += 1
        return self.head(self.backbone.pool(x))


class Worker:
    def __init__(self, o):
        torch.manual_seed(1)
        self.device = torch.device(o.device)
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = o.tf32
        self.autocast = dict(fp32=None, bf16=torch.bfloat16, fp16=torch.float16)[o.precision]
        size = BACKBONES[o.backbone]
        self.model = DTL(size, o.fused or size.fused(o.precision)).train().to(self.device)
        self.forward = torch.compile(self.model) if o.compile else self.model
        trained = [(n, p) for n, p in self.model.named_parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW([
            dict(params=[p for n, p in trained if n.endswith(".bias")], weight_decay=0.0),
            dict(params=[p for n, p in trained if not n.endswith(".bias")], weight_decay=0.05)], lr=1e-3)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=o.precision == "fp16")
        self.images, self.labels = torch.randn(o.batch, 3, size.image, size.image), torch.arange(o.batch) % CLASSES
        if self.device.type == "cuda":
            self.images = torch.randint(0, 256, (o.batch, size.image, size.image, 3), dtype=torch.uint8).pin_memory()
            self.labels = self.labels.pin_memory()

    def batch(self):
        if self.device.type == "cpu":
            return self.images, self.labels
        images = self.images.to(self.device, non_blocking=True).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)
        return images, self.labels.to(self.device, non_blocking=True)

    def train(self):
        images, labels = self.batch()
        with torch.autocast(self.device.type, self.autocast, enabled=self.autocast is not None):
            loss = F.cross_entropy(self.forward(images), labels)
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return loss.item()

    def step(self):
        begun = time.perf_counter()
        loss = self.train()  # waits for the device
        seconds = time.perf_counter() - begun
        if not math.isfinite(loss):
            raise ValueError(f"the loss is {loss}")
        return dict(seconds=seconds, loss=loss)

    def peak(self):
        return self.peak_of_gpu() if self.device.type == "cuda" else self.peak_of_cpu()

    def peak_of_gpu(self):
        """The peak of bytes alive in PyTorch's allocator, without what exists before the step (weights, moments), and the pool's size."""
        self.optimizer.zero_grad(set_to_none=True)
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        self.train()
        torch.cuda.synchronize()
        free, total = torch.cuda.mem_get_info()
        return dict(bytes=torch.cuda.max_memory_allocated() - before, before=before, reserved=torch.cuda.max_memory_reserved(), process=total - free)

    def peak_of_cpu(self):
        """The peak of bytes alive, from the profiler's records of every allocation and release of PyTorch's CPU allocator. It excludes
        what exists before the step (weights, images, moments) and oneDNN's own allocations."""
        resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as recorded:
            self.train()
        events = [e for e in recorded.profiler.kineto_results.events() if e.name() == "[memory]"]
        changes = [e.nbytes() for e in sorted(events, key=lambda e: e.start_ns())]
        if not changes:
            raise ValueError("the profiler recorded no memory")
        return dict(bytes=max(itertools.accumulate(changes)), resident=resident)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backbone", choices=BACKBONES, default="vit_b16")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--precision", choices=["fp32", "bf16", "fp16"], default="fp32")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--compile", action="store_true", help="torch.compile the forward pass")
    parser.add_argument("--fused", action="store_true", help="F.scaled_dot_product_attention instead of a softmax in memory")
    parser.add_argument("--tf32", action="store_true", help="let products of float32 use TensorFloat-32")
    o = parser.parse_args()
    torch.set_num_threads(o.threads)
    worker = Worker(o)
    print(json.dumps(dict(ready=True, torch=torch.__version__)), flush=True)
    for line in sys.stdin:
        answer = {"step": worker.step, "peak": worker.peak}[line.strip()]()
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
