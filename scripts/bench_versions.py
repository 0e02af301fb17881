#!/usr/bin/env python3
"""Compare versions of libtensorflow: the time and memory of a training step, in turns.

    scripts/bench_versions.py FOLDER FOLDER...

Each FOLDER holds lib/ and include/ of one version, as unpack_libtensorflow.py makes it. benchstep is built against each. All versions run
at the same time and take turns, step by step, since the speed of a machine changes by more than versions differ. The ratio is the median
of the ratios within a turn, to the first folder. Settings are those of bench.py: ROUNDS, BENCH_ONLY, BENCH_BACKBONE, THREADS; without
BENCH_ONLY, batch 8 in fp32 from images and from the feature cache.
"""
import os
import pathlib
import shlex
import statistics
import subprocess
import sys

import bench


def build(folder):
    """Builds benchstep against a libtensorflow and returns its path."""
    program = bench.DEPS / "versions" / str(folder).strip("/").replace("/", "-")
    command = f'eval "$(make -s env)" && go build -buildvcs=false -o {shlex.quote(str(program))} ./scripts/benchstep'
    subprocess.run(["bash", "-c", command], check=True, cwd=bench.ROOT, env=os.environ | {"LIBTENSORFLOW": str(folder)})
    return program


def compare(s, programs, variant, precision, batch):
    """Prints a line for each version."""
    workers = [bench.start(s, variant, precision, batch, None, p) for p in programs]
    for w in workers:
        w.ask("step")  # the first step allocates and compiles
    turns = []
    for number in range(s.rounds):
        order = list(enumerate(workers))
        seconds = {i: w.ask("step")["seconds"] for i, w in (order if number % 2 == 0 else order[::-1])}
        turns.append([seconds[i] for i in range(len(workers))])
    for i, (program, w) in enumerate(zip(programs, workers)):
        peak = w.ask("peak")
        print(f"batch {batch} {precision} {variant:11} {program.name:30} {statistics.median(t[i] for t in turns):7.3f} s a step, "
              f"{statistics.median(t[i] / t[0] for t in turns):5.3f} of the first "
              f"({min(t[i] / t[0] for t in turns):5.3f} to {max(t[i] / t[0] for t in turns):5.3f}), "
              f"peak {peak['bytes'] / 2**20:6.1f} MiB, process {peak['resident'] / 2**20:5.0f} MiB", flush=True)
    for w in workers:
        w.close()


def main(folders):
    env = dict(os.environ)
    env["BENCH_ONLY"] = env.get("BENCH_ONLY") or "batch=8 precision=fp32 variant=activations,cache"
    s = bench.Settings(env)
    if "pytorch" in s.variants:
        sys.exit("bench_versions: BENCH_ONLY: name variants other than pytorch")
    (bench.DEPS / "versions").mkdir(parents=True, exist_ok=True)
    programs = [build(pathlib.Path(f).resolve()) for f in folders]
    for batch in s.batches:
        for precision in s.precisions:
            for variant in s.variants:
                compare(s, programs, variant, precision, batch)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(130)
