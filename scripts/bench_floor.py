"""How fast and how small a DTL step could be at best: arithmetic from shapes, no measurement but the ceiling of a matrix product.

T tokens, d width, m MLP width, N blocks, M the first block with feedback: no gradient enters blocks 0..M, so N-1-M
blocks have a backward pass.
"""
TOKENS, DEPTH, FEEDBACK_FROM, RANK, CLASSES, PATCH_VALUES = 197, 12, 6, 2, 100, 16 * 16 * 3
WIDTHS = {"vit_b16": (768, 12), "vit_s16": (384, 6), "vit_ti16": (192, 3)}  # width, heads
BYTES = {"fp32": 4, "bf16": 2}
LATE = DEPTH - 1 - FEEDBACK_FROM  # blocks with a backward pass


def operations(backbone, cached):
    """Operations of one image's step; a multiplication and an addition are two. What recomputation adds is not in it.
    For the step on images PyTorch's flop counter finds the same number, to the last one."""
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


def kept(backbone):
    """What must outlive the forward pass, in units of U = B T d values, for each way of recomputing; PyTorch for comparison.

    The gradient of A_i needs x_i of all N blocks. A late block also needs: the input of its second LayerNorm 1, q k v 3, softmax
    heads T / d, the input of GELU m / d = 4. theta'(h) needs h where feedback is: N - M times 1; PyTorch keeps h and its sigmoid.
    (The official code was found to save 367 MiB for ViT-B/16 at batch 8 in float32; 79.4 U are 366.5 MiB.)
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
    """Rows of what each measured configuration cannot go below."""
    d, _ = WIDTHS[backbone]
    rows = []
    for s in samples:
        precision, batch, variant = s["precision"], s["batch"], s["variant"]
        cached = variant == "cache"
        row = dict(variant=variant, precision=precision, batch=batch)
        row["operations"] = batch * operations(backbone, cached)
        row["seconds"] = row["operations"] / ceiling[precision]
        units = kept(backbone).get(variant)
        if units is not None:
            row["kept_units"] = round(units, 2)
            row["kept_bytes"] = round(units * batch * TOKENS * d * BYTES[precision])
        rows.append(row)
    return rows
