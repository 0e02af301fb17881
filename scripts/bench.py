#!/usr/bin/env python3
"""Measure a training step of DTL in dtl-tf and in PyTorch, side by side; `make bench` calls it.

PyTorch runs the step twice, as usual and with the forward pass through torch.compile; the ratios are to the better of both (bench_table.py).
torch.compile needs a C++ compiler. Where it fails, the output says so and the ratios are to the usual step.

Every configuration is a separate process (benchstep, bench_torch.py) that runs a step on command and sleeps otherwise, so
the two take turns within seconds and never run simultaneously. Writes bench.json (all samples) and, from it, bench.md.

Settings come from the environment:
    ROUNDS=5             rounds, in which each configuration gets one turn; the order alternates
    BENCH_ONLY="batch=8 precision=fp32 variant=pytorch,compiled,none,cache"    a part of the table, in about a minute
    BENCH_EPOCH=bf16     precisions in which a whole epoch is run, to extrapolate a whole run; "off": none
    BENCH_BATCHES="8 32" BENCH_BACKBONE=vit_b16 THREADS=2   other sizes; bench_sizes.py has the backbones
    BENCH_PYTHON=python  an interpreter with torch; without it torch is installed into .deps/bench, once
    BENCH_OUT=.          folder for the two files
"""
import datetime
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

import bench_floor
import bench_machine
import bench_sizes
import bench_table

ROOT = pathlib.Path(__file__).resolve().parent.parent
DEPS = ROOT / ".deps" / "bench"
TORCH = "2.15.0"
VARIANTS = ["pytorch", "compiled", "none", "activations", "blocks", "micro", "cache"]
MICRO = 2  # images of a micro-batch
TORCH_VARIANTS = ["pytorch", "compiled"]
IMAGES, EPOCHS, RUN_BATCH = 1000, 110, 32  # of a whole run: VTAB-1k with the published recipe
FILLS = 3  # batches of the first pass to time when no whole epoch is run


def say(*words):
    print(*words, file=sys.stderr, flush=True)


def whole(env, name, default):
    """Whole numbers above 0, separated by spaces."""
    text = env.get(name) or str(default)
    if not all(part.isdigit() and int(part) > 0 for part in text.split()):
        sys.exit(f"bench: {name}={text}: whole numbers above 0 are needed")
    return [int(part) for part in text.split()]


class Settings:
    def __init__(self, env):
        self.rounds = whole(env, "ROUNDS", 5)[0]
        self.backbone = env.get("BENCH_BACKBONE") or "vit_b16"
        if self.backbone not in bench_sizes.BACKBONES:
            sys.exit(f"bench: BENCH_BACKBONE={self.backbone}: known are {', '.join(bench_sizes.BACKBONES)}")
        self.threads = whole(env, "THREADS", bench_machine.processors())[0]
        self.batches = whole(env, "BENCH_BATCHES", "8 32")
        self.precisions, self.variants = ["fp32", "bf16"], VARIANTS
        self.epoch = (env.get("BENCH_EPOCH") or "bf16").split()
        self.python, self.out = env.get("BENCH_PYTHON"), pathlib.Path(env.get("BENCH_OUT") or ROOT)
        known = {"batch": self.batches, "precision": self.precisions, "variant": self.variants}
        for part in (env.get("BENCH_ONLY") or "").split():
            key, _, values = part.partition("=")
            if key not in known or not values:
                sys.exit(f"bench: BENCH_ONLY: {part!r} is none of batch=, precision=, variant=")
            chosen = [v for v in known[key] if str(v) in values.split(",")]
            if len(chosen) != len(values.split(",")):
                sys.exit(f"bench: BENCH_ONLY: {part!r}: known are {', '.join(map(str, known[key]))}")
            known[key] = chosen
        self.batches, self.precisions, self.variants = known["batch"], known["precision"], known["variant"]


class Failed(Exception):
    """A worker ended; the text is the end of its log."""


class Worker:
    """A process that runs a step on command."""

    def __init__(self, command, env):
        self.log = open(DEPS / "worker.log", "w+")  # PyTorch's profiler logs a lot
        self.process = subprocess.Popen(command, env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log)
        self.command = command
        self.about = self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            self.log.seek(0)
            raise Failed(f"{' '.join(map(str, self.command))} ended:\n{self.log.read()[-2000:]}")
        return json.loads(line)

    def ask(self, what):
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        return self.answer()

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.log.close()


def torch_python(python):
    """An interpreter and environment with the pinned torch."""
    env = dict(os.environ)
    if not python:
        python, target = sys.executable, DEPS / "python"
        if not target.exists():
            install(target)
        env["PYTHONPATH"] = str(target)
    try:
        check = subprocess.run([python, "-c", "import torch; print(torch.__version__)"], env=env, text=True, capture_output=True)
    except OSError as e:
        sys.exit(f"bench: BENCH_PYTHON: {e}")
    version = check.stdout.strip()
    if check.returncode != 0 or version.split("+")[0] != TORCH:
        sys.exit(f"bench: {python} has torch {version or 'not at all'}, needed is {TORCH}: {check.stderr.strip()[-500:]}")
    return python, env


def install(target):
    """Install torch with pip into a separate folder. The CPU wheel, if pip finds it, is a tenth of the size of the default one."""
    temporary = target.with_suffix(".part")
    for wheel in [f"torch=={TORCH}+cpu", f"torch=={TORCH}"]:
        say(f"bench: pip installs {wheel} into {target.relative_to(ROOT)}")
        subprocess.run(["rm", "-rf", temporary], check=True)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", temporary, wheel]
        done = subprocess.run(pip, text=True, stderr=subprocess.PIPE)
        if done.returncode == 0:
            temporary.rename(target)
            return
    sys.exit(f"bench: pip cannot install torch {TORCH}: {done.stderr.strip()[-1000:]}\n"
             "name an interpreter that has it with BENCH_PYTHON=")


def start(s, variant, precision, batch, torch, program=DEPS / "benchstep"):
    name = s.backbone if variant in TORCH_VARIANTS else bench_sizes.BACKBONES[s.backbone].description or s.backbone
    size = ["-backbone", name, "-batch", batch, "-precision", precision, "-threads", s.threads]
    if variant in TORCH_VARIANTS:
        python, env = torch
        size = [("-" + x if str(x).startswith("-") else x) for x in size] + ["--compile"] * (variant == "compiled")
        return Worker([python, str(ROOT / "scripts" / "bench_torch.py"), *map(str, size)], env)
    # A step in micro-batches and a cached one use the default recompute mode. Stored values have the precision of the matrix products.
    extra = {"micro": ["-micro-batch", MICRO], "cache": ["-store", precision]}.get(variant, ["-recompute", variant])
    return Worker([str(program), *map(str, [*size, *extra])], dict(os.environ))


def started(s, variant, precision, batch, torch):
    """A worker that has taken its first step, which allocates and compiles."""
    worker = start(s, variant, precision, batch, torch)
    worker.ask("step")
    return worker


def measure(s, precision, batch, torch, failures):
    """All variants of one precision and batch, taking turns: a list of records for bench.json. Adds to failures why torch.compile failed."""
    workers, records = {}, {}
    for variant in s.variants:
        if variant == "micro" and batch % MICRO:
            continue  # micro-batches divide a batch
        try:
            workers[variant] = started(s, variant, precision, batch, torch)
        except Failed as e:
            if variant != "compiled":
                raise
            say(f"bench: batch {batch} {precision}: torch.compile does not run here (it needs a C++ compiler, such as g++), so PyTorch is the "
                f"usual step only:\n{str(e).strip()[-600:]}")
            failures.append(dict(batch=batch, precision=precision, why=str(e).strip().splitlines()[-1][:300]))
            continue
        records[variant] = dict(variant=variant, precision=precision, batch=batch, about=workers[variant].about, rounds=[])
    visits = max(1, 16 // batch)  # time short steps more often
    for number in range(s.rounds):
        for variant in workers if number % 2 == 0 else list(workers)[::-1]:
            seconds = [workers[variant].ask("step")["seconds"] for _ in range(visits)]
            records[variant]["rounds"].append(seconds)
    if batch == RUN_BATCH and "cache" in workers and "activations" in workers:
        run(s, precision, workers, records)
    for variant, worker in workers.items():
        records[variant]["peak"] = worker.ask("peak")
        worker.close()
        seconds = statistics.median(sum(records[variant]["rounds"], []))
        peak = records[variant]["peak"]
        say(f"batch {batch:2} {precision} {variant:11} {seconds:7.3f} s a step, {(peak['bytes'] + peak.get('fed', 0)) / 2**20:7.0f} MiB")
    return list(records.values())


def run(s, precision, workers, records):
    """The basis for extrapolating a whole run: a first pass and, if requested, an epoch of each kind."""
    whole, steps = precision in s.epoch, IMAGES // RUN_BATCH
    fills = steps if whole else FILLS
    records["cache"]["fills"] = [workers["cache"].ask("fill")["seconds"] for _ in range(fills)]
    for variant in ["activations", "cache"]:
        records[variant]["epoch"] = []
    for _ in range(steps if whole else 0):
        for variant in ["activations", "cache"]:
            records[variant]["epoch"].append(workers[variant].ask("step")["seconds"])


def main():
    s = Settings(os.environ)
    DEPS.mkdir(parents=True, exist_ok=True)
    torch = torch_python(s.python) if set(TORCH_VARIANTS) & set(s.variants) else None
    watch = bench_machine.Watch()
    say(f"bench: {s.backbone}, {s.rounds} rounds, {s.threads} threads, load average {watch.load[0]:.2f}"
        + (": THE MACHINE IS BUSY, the figures will claim nothing" if watch.busy_at_start() else ""))
    begun = time.time()
    s.out.mkdir(parents=True, exist_ok=True)
    ceiling = json.loads(subprocess.run([DEPS / "benchstep", "-ceiling", "-threads", str(s.threads)], check=True, text=True,
                                        stdout=subprocess.PIPE).stdout)
    samples, failures = [], []
    for batch in s.batches:
        for precision in s.precisions:
            samples += measure(s, precision, batch, torch, failures)
    commit = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], text=True, capture_output=True).stdout.strip()
    result = dict(
        machine=bench_machine.describe(), date=datetime.date.today().isoformat(), commit=commit, torch=TORCH,
        backbone=s.backbone, threads=s.threads, rounds=s.rounds, seconds=round(time.time() - begun),
        load=watch.report(), ceiling_flops=ceiling, run=dict(images=IMAGES, epochs=EPOCHS, batch=RUN_BATCH), samples=samples, compile_failures=failures)
    result["floor"] = bench_floor.table(s.backbone, samples, ceiling)
    result.update(bench_table.summarise(result))
    bench_machine.write(s.out / "bench.json", json.dumps(result, indent=1) + "\n")
    table = bench_table.markdown(json.loads((s.out / "bench.json").read_text()))
    bench_machine.write(s.out / "bench.md", table)
    print(table)
    say(f"bench: wrote {s.out / 'bench.json'} and bench.md after {result['seconds']} s")


if __name__ == "__main__":
    try:
        main()
    except Failed as e:
        sys.exit(f"bench: {e}")
    except KeyboardInterrupt:
        sys.exit(130)
