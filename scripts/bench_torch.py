#!/usr/bin/env python3
"""PyTorch's side of `make bench`: a process that holds one DTL model and trains on one batch whenever bench.py asks for it.

    python bench_torch.py --backbone vit_b16 --batch 8 --precision fp32 --threads 2

Commands come as lines on standard input, answers go as lines of JSON to standard output, as in benchstep:

    step   {"seconds": ..., "loss": ...}        one training step
    peak   {"bytes": ..., "resident": ...}      peak of the allocator's bytes during one more step

The step follows the official implementation (heekhero/DTL, models/vision_transformer.py on timm 0.5.4): attention
that materialises its softmax, nn.LayerNorm, nn.GELU, h <- h + x A^T B^T before each block, theta(h) = h sigmoid(beta h)
added after blocks M.., mean over the patch tokens, LayerNorm, head; AdamW without decay on biases. bf16 is
torch.autocast around forward pass and loss, with float32 weights, as is usual in PyTorch.
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

IMAGE, PATCH, DEPTH, CLASSES = 224, 16, 12, 100
RANK, BETA, FEEDBACK_FROM = 2, 100.0, 6
WIDTHS = {"vit_b16": (768, 12), "vit_s16": (384, 6), "vit_ti16": (192, 3)}  # width, heads


class Attention(nn.Module):
    """(B, T, d) -> (B, T, d)."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.scale = heads, (width // heads) ** -0.5
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = self.qkv(x).reshape(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        weights = (q @ k.transpose(-2, -1)) * self.scale  # (B, heads, T, T)
        weights = weights.softmax(dim=-1)
        x = (weights @ v).transpose(1, 2).reshape(b, t, d)
        return self.proj(x)


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width, heads)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        x = x + self.mlp(self.norm2(x))
        return x


class LowRank(nn.Module):
    """x A^T B^T with A (r, d) and B (d, r), zero at the start."""

    def __init__(self, width):
        super().__init__()
        self.lora_A = nn.Parameter(nn.init.kaiming_uniform_(torch.empty(RANK, width), a=math.sqrt(5)))
        self.lora_B = nn.Parameter(torch.zeros(width, RANK))

    def forward(self, x):
        return x @ self.lora_A.T @ self.lora_B.T


class DTL(nn.Module):
    """Images (B, 3, S, S), normalised, -> logits (B, classes). Only the low-rank maps and the head train."""

    def __init__(self, width, heads):
        super().__init__()
        tokens = (IMAGE // PATCH) ** 2 + 1
        self.patches = nn.Conv2d(3, width, PATCH, stride=PATCH)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(0.02 * torch.randn(1, tokens, width))
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(DEPTH))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.requires_grad_(False)
        self.maps = nn.ModuleList(LowRank(width) for _ in range(DEPTH))
        self.head = nn.Linear(width, CLASSES)

    def forward(self, images):
        x = self.patches(images).flatten(2).transpose(1, 2)
        x = torch.cat((self.cls_token.expand(len(x), -1, -1), x), dim=1) + self.pos_embed
        h = 0.0
        for i, block in enumerate(self.blocks):
            h = h + self.maps[i](x)
            x = block(x)
            if i >= FEEDBACK_FROM:
                x = x + h * torch.sigmoid(h * BETA)
        return self.head(self.norm(x[:, 1:].mean(dim=1)))


class Worker:
    def __init__(self, backbone, batch, precision):
        torch.manual_seed(1)
        self.autocast = precision == "bf16"
        self.model = DTL(*WIDTHS[backbone]).train()
        trained = [(n, p) for n, p in self.model.named_parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW([
            dict(params=[p for n, p in trained if n.endswith(".bias")], weight_decay=0.0),
            dict(params=[p for n, p in trained if not n.endswith(".bias")], weight_decay=0.05)], lr=1e-3)
        self.images, self.labels = torch.randn(batch, 3, IMAGE, IMAGE), torch.arange(batch) % CLASSES

    def train(self):
        with torch.autocast("cpu", torch.bfloat16, enabled=self.autocast):
            loss = F.cross_entropy(self.model(self.images), self.labels)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def step(self):
        begun = time.perf_counter()
        loss = self.train()
        seconds = time.perf_counter() - begun
        if not math.isfinite(loss):
            raise ValueError(f"the loss is {loss}")
        return dict(seconds=seconds, loss=loss)

    def peak(self):
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
    parser.add_argument("--backbone", choices=WIDTHS, default="vit_b16")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--threads", type=int, required=True)
    o = parser.parse_args()
    torch.set_num_threads(o.threads)
    worker = Worker(o.backbone, o.batch, o.precision)
    print(json.dumps(dict(ready=True, torch=torch.__version__)), flush=True)
    for line in sys.stdin:
        answer = {"step": worker.step, "peak": worker.peak}[line.strip()]()
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
