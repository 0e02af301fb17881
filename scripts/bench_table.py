#!/usr/bin/env python3
"""Figures and Markdown tables from the samples in bench.json.

    python scripts/bench_table.py bench.json     prints bench.md anew
"""
import json
import statistics
import sys

from bench_sizes import BACKBONES, CLASSES

# The targets of `make bench`: maximum of dtl-tf / PyTorch (see references), by family, figure and variant, and precision.
AIMS = {
    "vit": {
        ("seconds_per_step", "nocache"): {"fp32": 0.93, "bf16": 0.90},
        ("seconds_per_step", "cache"): {"fp32": 0.58, "bf16": 0.55},
        ("peak_step_bytes", "none"): {"fp32": 1.00, "bf16": 0.80},
        ("peak_step_bytes", "activations"): {"fp32": 0.70, "bf16": 0.55},
        ("peak_step_bytes", "blocks"): {"fp32": 0.32, "bf16": 0.28},
        ("peak_step_bytes", "micro"): {"fp32": 0.29, "bf16": 0.28},
    },
    "swin": {
        ("seconds_per_step", "nocache"): {"fp32": 0.75},
        ("seconds_per_step", "cache"): {"fp32": 0.60},
        ("peak_step_bytes", "none"): {"fp32": 0.95},
        ("peak_step_bytes", "activations"): {"fp32": 0.70},
        ("peak_step_bytes", "blocks"): {"fp32": 0.35},
    },
}
COSTS = {"activations": 1.05, "blocks": 1.20, "micro": 1.15}  # maximum of seconds relative to `none`
TIMES = {"nocache": "activations", "cache": "cache"}  # row -> measured variant; recomputing activations is the default
PEAKS = ["none", "activations", "blocks", "micro", "cache"]
TORCH = {"pytorch": "eager", "compiled": "compiled"}  # measured variant -> what the tables call it


def seconds(sample):
    return sum(sample["rounds"], [])


def compared(ours, theirs):
    """Medians, extremes, the ratio of medians, and the extremes of the ratios within a round, in which both ran within seconds."""
    a, b = seconds(ours), seconds(theirs)
    paired = [statistics.median(x) / statistics.median(y) for x, y in zip(ours["rounds"], theirs["rounds"])]
    return dict(ours=statistics.median(a), pytorch=statistics.median(b), ratio=statistics.median(a) / statistics.median(b),
                ours_spread=[min(a), max(a)], pytorch_spread=[min(b), max(b)], ratio_spread=[min(paired), max(paired)])


def references(at):
    """What dtl-tf is compared with: of PyTorch's eager and compiled step, the faster one for seconds, and the one with the lower peak for
    bytes. Both are None without PyTorch."""
    torch = [at[v] for v in TORCH if v in at]
    if not torch:
        return None, None
    return min(torch, key=lambda s: statistics.median(seconds(s))), min(torch, key=lambda s: s["peak"]["bytes"])


def summarise(result):
    """The ratios to PyTorch, the costs of recomputing, and whole runs."""
    ratios, costs, runs = [], [], []
    by = {(s["batch"], s["precision"], s["variant"]): s for s in result["samples"]}
    for batch, precision in sorted({key[:2] for key in by}, key=lambda k: (k[0], k[1] != "fp32")):
        at = {v: by[batch, precision, v] for v in [*TORCH, *PEAKS] if (batch, precision, v) in by}
        where = dict(precision=precision, batch=batch)
        fastest, smallest = references(at)
        if fastest:
            for row, measured in TIMES.items():
                if measured in at:
                    ratios.append(dict(what="seconds_per_step", variant=row, **where, reference=TORCH[fastest["variant"]],
                                       **compared(at[measured], fastest)))
            for variant in PEAKS:
                if variant in at:
                    peak = at[variant]["peak"]
                    ours, theirs = peak["bytes"] + peak["fed"], smallest["peak"]["bytes"]
                    ratios.append(dict(what="peak_step_bytes", variant=variant, **where, reference=TORCH[smallest["variant"]],
                                       ours=ours, pytorch=theirs,
                                       ratio=ours / theirs, fed=peak["fed"]))
        for variant in COSTS:
            if variant in at and "none" in at:
                c = compared(at[variant], at["none"])
                costs.append(dict(variant=variant, **where, seconds=c["ours"], none=c["pytorch"], ratio=c["ratio"],
                                  ratio_spread=c["ratio_spread"]))
        if "fills" in at.get("cache", {}):
            runs += whole_runs(result["run"], where, at)
    return dict(ratios=ratios, recompute_costs=costs, runs=runs)


def whole_runs(run, where, at):
    """The extrapolated training time of a whole run: the epochs, plus the first pass that fills the cache."""
    steps = run["images"] // run["batch"]
    rows = []
    for variant, measured in TIMES.items():
        epoch = at[measured]["epoch"]
        row = dict(variant=variant, **where, epoch_steps_measured=len(epoch) or len(seconds(at[measured])))
        row["epoch"] = statistics.mean(epoch or seconds(at[measured])) * steps
        row["first_pass"] = statistics.mean(at["cache"]["fills"]) * run["images"] / run["batch"] if variant == "cache" else 0.0
        row["seconds"] = row["first_pass"] + run["epochs"] * row["epoch"]
        rows.append(row)
    fastest, _ = references(at)
    if fastest:
        epoch = statistics.mean(seconds(fastest)) * steps
        rows.append(dict(variant="pytorch" if fastest["variant"] == "pytorch" else "pytorch, compiled", **where,
                         epoch_steps_measured=len(seconds(fastest)), epoch=epoch, first_pass=0.0, seconds=run["epochs"] * epoch))
    return rows


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|:--" * 2 + "|--:" * (len(head) - 2) + "|"]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows]) + "\n\n"


def spread(pair, form):
    return f"{form}-{form}".format(*pair) if pair[0] != pair[1] else form.format(pair[0])


def mib(n):
    return f"{n / 2**20:,.0f}"


def clock(s):
    return f"{int(s) // 3600} h {int(s) % 3600 // 60:02} min" if s >= 3600 else f"{int(s) // 60} min {int(s) % 60:02} s"


def judged(ratio, aim, busy=False):
    """Three digits, to show a near miss as such. Times on a busy machine are not judged, nor is what has no target."""
    if busy or aim is None:
        return f"{ratio:.3f}"
    return f"**{ratio:.3f}**" if ratio <= aim else f"{ratio:.3f} (missed)"


def markdown(r):
    load, size = r["load"], BACKBONES[r["backbone"]]
    text = (f"`{r['backbone']}`, random weights, {size.image} x {size.image}, {CLASSES} classes, DTL of rank {size.rank}, drop path 0, "
            f"AdamW, {r['threads']} threads; "
            f"{r['machine']}; {r['date']}, commit {r['commit']}, PyTorch {r['torch']}. {r['rounds']} rounds in which the programs take turns; "
            f"median (least-most), whole benchmark {clock(r['seconds'])}.\n\n")
    shares = ", ".join(f"{name} {100 * load[key]:.1f} %" for name, key in [("other work had", "others"), ("the hypervisor took", "stolen")]
                       if load[key] is not None)
    state = f"Load average {load['average_at_start'][0]:.2f} at the start" + (f"; {shares} of the processors." if shares else ".")
    text += ("**The machine was busy: the seconds below claim nothing** (bytes do not depend on it). " if load["busy"] else "") + state + "\n\n"

    for f in r.get("compile_failures", []):
        text += f"torch.compile failed at batch {f['batch']}, {f['precision']} ({f['why']}): PyTorch there is the eager step only.\n\n"

    aims = AIMS[size.family]
    aim = lambda x: aims.get((x["what"], x["variant"]), {}).get(x["precision"])
    rows = [[x["variant"], x["precision"], x["batch"], f"{x['ours']:.3g} ({spread(x['ours_spread'], '{:.3g}')})",
             f"{x['pytorch']:.3g} ({spread(x['pytorch_spread'], '{:.3g}')})", x.get("reference", "eager"), judged(x["ratio"], aim(x), load["busy"]),
             spread(x["ratio_spread"], "{:.2f}"), aim(x) or ""] for x in r["ratios"] if x["what"] == "seconds_per_step"]
    if rows:
        text += table(["seconds a step", "precision", "batch", "dtl-tf", "PyTorch", "its step", "ratio", "of single rounds", "at most"], rows)
        text += "PyTorch is the faster of its eager step and torch.compile's; for bytes, the one with the lower peak.\n\n"
    rows = [[x["variant"], x["precision"], x["batch"], mib(x["ours"]), mib(x["pytorch"]), x.get("reference", "eager"), judged(x["ratio"], aim(x)), aim(x) or ""]
            for x in r["ratios"] if x["what"] == "peak_step_bytes"]
    if rows:
        text += table(["peak bytes alive in a step, MiB", "precision", "batch", "dtl-tf", "PyTorch", "its step", "ratio", "at most"], rows)
        text += "`micro` processes two images at a time. `cache` includes the stored values that are fed to the step. Both recompute activations.\n\n"
    rows = [[x["variant"], x["precision"], x["batch"], f"{x['seconds']:.3g}", f"{x['none']:.3g}", judged(x["ratio"], COSTS[x["variant"]], load["busy"]),
             spread(x["ratio_spread"], "{:.2f}"), COSTS[x["variant"]]] for x in r["recompute_costs"]]
    if rows:
        text += table(["recompute", "precision", "batch", "seconds a step", "`none`", "ratio", "of single rounds", "at most"], rows)
    return text + runs(r) + floor(r)


def runs(r):
    if not r["runs"]:
        return ""
    run = r["run"]
    rows = [[x["variant"], x["precision"], clock(x["seconds"]), f"{x['epoch']:.1f} s", x["epoch_steps_measured"],
             f"{x['first_pass']:.0f} s" if x["first_pass"] else ""] for x in r["runs"]]
    return (f"A whole run, {run['images']:,} images, {run['epochs']} epochs of {run['images'] // run['batch']} steps of {run['batch']}. "
            "Extrapolated, not run: epochs times the mean of the measured steps, plus the measured first pass that fills the cache (without "
            "writing it). Evaluation and reading of images or cache are not included.\n\n"
            + table(["training", "precision", "whole run", "an epoch", "steps measured", "first pass"], rows))


def floor(r):
    rates = ", ".join(f"{flops / 1e9:,.0f} GFLOP/s in {p}" for p, flops in sorted(r["ceiling_flops"].items(), reverse=True))
    samples = {(s["variant"], s["precision"], s["batch"]): s for s in r["samples"]}
    tokens, width = BACKBONES[r["backbone"]].unit
    rows = []
    for x in r["floor"]:
        s = samples[x["variant"], x["precision"], x["batch"]]
        measured, peak = statistics.median(seconds(s)), s["peak"]["bytes"] + s["peak"].get("fed", 0)
        rows.append([x["variant"], x["precision"], x["batch"], f"{x['operations'] / 1e9:,.0f}", f"{x['seconds']:.3g}", f"{measured:.3g}",
                     f"{x['kept_units']:.1f} U" if "kept_units" in x else "", mib(x["kept_bytes"]) if "kept_bytes" in x else "", mib(peak)])
    return (f"The floor: the step's own operations at the peak rate of a 2048 x 2048 x 2048 matrix product in TensorFlow ({rates}), and the "
            f"activations that must be saved for the backward pass (U = batch x {tokens} x {width} values, in bf16 of 2 bytes each). The peak adds "
            "the scratch memory of one block and the gradient that is being computed.\n\n"
            + table(["variant", "precision", "batch", "GFLOP", "seconds at least", "measured", "saved at least", "MiB", "peak, MiB"], rows))


if __name__ == "__main__":
    with open(sys.argv[1]) as f:
        print(markdown(json.load(f)))
