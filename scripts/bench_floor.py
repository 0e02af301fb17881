"""Lower bounds on time and memory of a DTL step, from its shapes and the measured peak rate of matrix products.

A block has T tokens of width d, each attending to R of them, and an MLP of width m = 4 d. There are N blocks, and M is the first
one with feedback: no gradient enters blocks 0..M, so the N-1-M late blocks have a backward pass.
"""
from bench_sizes import BACKBONES, CLASSES

BYTES = {"fp32": 4, "bf16": 2}


def operations(backbone, cached, all_tokens=True):
    """Floating-point operations of a step on one image, without recomputation; a multiply-add counts as two. For the step on
    images, PyTorch's flop counter gives exactly the same number, unless fused attention recomputes q k^T. Without all_tokens,
    the second MLP layer of a ViT's last block takes the mean of the tokens, as in dtl-tf."""
    size = BACKBONES[backbone]
    total = 3 * size.stages[-1].width * CLASSES  # of the head
    if not cached:
        stem = size.stages[0]
        total += (size.image // size.patch) ** 2 * size.patch ** 2 * 3 * stem.width
    for i, s in enumerate(size.blocks()):
        t, d, late = s.tokens, s.width, i > size.feedback_from
        if i in size.starts[1:]:  # merging: 2 x 2 tokens of width d / 2 to one of width d
            total += t * 2 * d * d * (late + (late or not cached))
        weights = 4 * t * d * d + 2 * t * d * 4 * d           # q, k, v, projection; both MLP layers
        if late or not cached:
            total += weights + 2 * t * s.reach * d            # q k^T, softmax v
        if late:
            total += weights + 4 * t * s.reach * d            # gradients of inputs only: the weights are frozen
        if not all_tokens and size.family == "vit" and i == len(size.blocks()) - 1:
            total -= (t - 1) * 4 * d * d * (late + (late or not cached))
        if i >= size.maps_from:
            total += t * d * size.rank * (2 + 3 + late)       # forward, gradients of the map, gradient of the block's input
    return 2 * total


def saved(backbone, precision):
    """Activations that must be saved for the backward pass, in units of U = B T d values (T and d of the first block with a map),
    by recompute mode, and by PyTorch.

    In units of a block's own B T d: the gradient of A_i needs the input of each block with a map, 1. A late block also needs:
    the input of its second LayerNorm 1, q k v 3, softmax heads R / d, the input of GELU m / d = 4. theta'(h) needs h in blocks
    with feedback, 1; PyTorch saves h and its sigmoid. A Swin's LayerNorms in a late merging and after the last block need their
    inputs, 1. Instead of the softmax, PyTorch's fused attention saves its result, 1, and in a shifted block the sum of bias and
    mask, heads R / d.
    (The official code was measured to save 367 MiB for ViT-B/16 at batch 8 in float32; 79.4 U are 366.5 MiB.)
    """
    size = BACKBONES[backbone]
    tokens, width = size.unit
    units_of = lambda stage: stage.tokens * stage.width / (tokens * width)
    inputs = norms = late = softmax = fused = theta = 0.0
    for i, s in enumerate(size.blocks()):
        units = units_of(s)
        if i >= size.maps_from:
            inputs += units
        if i > size.feedback_from:
            late += units * (1 + 3 + 4)
            scores = units * s.heads * s.reach / s.width
            softmax += scores
            fused += units + scores * size.shifted(i)
            if i in size.starts[1:]:
                norms += 2 * units  # the tokens before merging are four times as many and half as wide
        if i >= size.feedback_from:
            theta += units
    if size.family == "swin":
        norms += units_of(size.stages[-1])
    none = inputs + norms + late + softmax + theta
    return {
        "pytorch": none + theta + (fused - softmax if size.fused(precision) else 0),
        "none": none - (softmax if size.family == "vit" and precision == "fp32" else 0),  # with the kernel of attention, on AVX2
        "activations": inputs + norms + late,  # softmax from q and k, theta from the low-rank products
        "blocks": inputs,
    }


def table(backbone, samples, ceiling):
    """The rows of the table: the lower bound of each measured configuration."""
    tokens, width = BACKBONES[backbone].unit
    rows = []
    for s in samples:
        precision, batch, variant = s["precision"], s["batch"], s["variant"]
        cached = variant == "cache"
        row = dict(variant=variant, precision=precision, batch=batch)
        row["operations"] = batch * operations(backbone, cached, variant in ["pytorch", "compiled"])
        row["seconds"] = row["operations"] / ceiling[precision]
        units = saved(backbone, precision).get(variant)
        if units is not None:
            row["kept_units"] = round(units, 2)
            row["kept_bytes"] = round(units * batch * tokens * width * BYTES[precision])
        rows.append(row)
    return rows
