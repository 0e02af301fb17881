"""Lower bounds on time and memory of a DTL step, from its shapes and the measured peak rate of matrix products.

T tokens, d width, m MLP width, N blocks, M the first block with feedback: no gradient enters blocks 0..M, so N-1-M
blocks have a backward pass.
"""
TOKENS, DEPTH, FEEDBACK_FROM, RANK, CLASSES, PATCH_VALUES = 197, 12, 6, 2, 100, 16 * 16 * 3
WIDTHS = {"vit_b16": (768, 12), "vit_s16": (384, 6), "vit_ti16": (192, 3)}  # width, heads
BYTES = {"fp32": 4, "bf16": 2}
LATE = DEPTH - 1 - FEEDBACK_FROM  # blocks with a backward pass


def operations(backbone, cached):
    """Floating-point operations of a step on one image, without recomputation; a multiply-add counts as two. For the step on
    images, PyTorch's flop counter gives exactly the same number."""
    d, _ = WIDTHS[backbone]
    t, m = TOKENS, 4 * d
    weights = 4 * t * d * d + 2 * t * d * m         # q, k, v, projection; both MLP layers
    forward = weights + 2 * t * t * d               # q k^T, softmax v
    backward = weights + 4 * t * t * d              # gradients of inputs only: the weights are frozen
    maps = t * d * RANK * (2 + 3) * DEPTH + t * d * RANK * LATE
    head = 3 * d * CLASSES
    embedding = (t - 1) * PATCH_VALUES * d
    products = LATE * (forward + backward) if cached else DEPTH * forward + LATE * backward + embedding
    return 2 * (products + maps + head)


def saved(backbone):
    """Activations that must be saved for the backward pass, in units of U = B T d values, by recompute mode, and by PyTorch.

    The gradient of A_i needs x_i of all N blocks. A late block also needs: the input of its second LayerNorm 1, q k v 3, softmax
    heads T / d, the input of GELU m / d = 4. theta'(h) needs h in blocks with feedback: N - M times 1; PyTorch saves h and its sigmoid.
    (The official code was measured to save 367 MiB for ViT-B/16 at batch 8 in float32; 79.4 U are 366.5 MiB.)
    """
    d, heads = WIDTHS[backbone]
    softmax, gelu = heads * TOKENS / d, 4
    none = DEPTH + LATE * (1 + 3 + softmax + gelu) + DEPTH - FEEDBACK_FROM
    return {
        "pytorch": none + DEPTH - FEEDBACK_FROM,
        "none": none,
        "activations": DEPTH + LATE * (1 + 3 + gelu),  # softmax from q and k, theta from the low-rank products
        "blocks": float(DEPTH),
    }


def table(backbone, samples, ceiling):
    """The rows of the table: the lower bound of each measured configuration."""
    d, _ = WIDTHS[backbone]
    rows = []
    for s in samples:
        precision, batch, variant = s["precision"], s["batch"], s["variant"]
        cached = variant == "cache"
        row = dict(variant=variant, precision=precision, batch=batch)
        row["operations"] = batch * operations(backbone, cached)
        row["seconds"] = row["operations"] / ceiling[precision]
        units = saved(backbone).get(variant)
        if units is not None:
            row["kept_units"] = round(units, 2)
            row["kept_bytes"] = round(units * batch * TOKENS * d * BYTES[precision])
        rows.append(row)
    return rows
