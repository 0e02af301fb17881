"""Makes dtl/testdata/training_steps.json: steps of a linear classifier in PyTorch.

    python3 scripts/make_training_vectors.py > dtl/testdata/training_steps.json

Each case trains a linear layer on fixed features with torch.optim.AdamW and has the loss of every step, the weights after the
last, and with "ema" their moving averages. Written with torch 2.15.0.

- weights: CrossEntropyLoss(weight, label_smoothing); "lambda" mixes each image with that at its place in the reversed batch, as
  lam * criterion(logits, labels) + (1 - lam) * criterion(logits, reversed labels).
- bce: BCEWithLogitsLoss on targets of several labels; smoothing s makes of each target t the value t (1 - s) + s / 2.
- clip: torch.nn.utils.clip_grad_norm_ over weight and bias.
- ema: torch.optim.swa_utils.AveragedModel's get_ema_multi_avg_fn, from the initial weights on.
"""
import json
import sys

import torch
from torch import nn

BATCH, WIDTH, CLASSES, STEPS, RATE, DECAY = 4, 12, 3, 5, 1e-2, 0.05


def case(name, weights=None, smoothing=0.0, lam=None, bce=False, clip=0.0, ema=0.0):
    torch.manual_seed(len(name))
    layer = nn.Linear(WIDTH, CLASSES)
    nn.init.normal_(layer.weight, std=0.3)
    features = torch.randn(BATCH, WIDTH)
    labels = torch.tensor([2, 0, 0, 1])
    several = torch.tensor([[0, 1, 1], [1, 0, 0], [0, 0, 0], [1, 1, 1]], dtype=torch.float32)
    start = {k: v.clone() for k, v in layer.state_dict().items()}
    optimizer = torch.optim.AdamW([
        {"params": [layer.weight], "weight_decay": DECAY},
        {"params": [layer.bias], "weight_decay": 0.0},
    ], lr=RATE)
    averages = [p.detach().clone() for p in layer.parameters()]
    average = torch.optim.swa_utils.get_ema_multi_avg_fn(ema) if ema else None
    losses, norms = [], []
    for _ in range(STEPS):
        logits = layer(features)
        if bce:
            loss = nn.BCEWithLogitsLoss()(logits, several * (1 - smoothing) + smoothing / 2)
        else:
            criterion = nn.CrossEntropyLoss(weight=None if weights is None else torch.tensor(weights), label_smoothing=smoothing)
            loss = criterion(logits, labels)
            if lam is not None:
                loss = lam * loss + (1 - lam) * criterion(logits, labels.flip(0))
        optimizer.zero_grad()
        loss.backward()
        if clip:
            norms.append(nn.utils.clip_grad_norm_(layer.parameters(), clip).item())
        optimizer.step()
        if average:
            average(averages, [p.detach() for p in layer.parameters()], 1)
        losses.append(loss.item())
    flat = lambda t: t.detach().flatten().tolist()
    return {
        "name": name, "weights": weights, "smoothing": smoothing, "lambda": lam, "bce": bce, "clip": clip, "ema": ema,
        "features": flat(features), "labels": labels.tolist(), "several": flat(several),
        "start": {"weight": flat(start["weight"]), "bias": flat(start["bias"])},
        "losses": losses, "norms": norms,
        "end": {"weight": flat(layer.weight), "bias": flat(layer.bias)},
        "average": {"weight": flat(averages[0]), "bias": flat(averages[1])} if ema else None,
    }


if torch.__version__.split("+")[0] != "2.15.0":
    print("written with torch 2.15.0, this is", torch.__version__, file=sys.stderr)
W = [0.5, 2.0, 1.25]
json.dump({"rate": RATE, "decay": DECAY, "batch": BATCH, "width": WIDTH, "classes": CLASSES, "cases": [
    case("plain"),
    case("weights", weights=W),
    case("weights, smoothing", weights=W, smoothing=0.1),
    case("weights, mixup", weights=W, lam=0.7),
    case("weights, smoothing, mixup", weights=W, smoothing=0.2, lam=0.35),
    case("clip", clip=0.05),
    case("clip, above the norm", clip=100.0),
    case("ema", ema=0.9),
    case("ema, clip, weights", ema=0.7, clip=0.1, weights=W),
    case("bce", bce=True),
    case("bce, smoothing, clip", bce=True, smoothing=0.1, clip=0.05),
]}, sys.stdout)
