#!/usr/bin/env python3
"""Compare versions of libtensorflow: the time and memory of a training step, in turns.

    scripts/bench_versions.py FOLDER FOLDER...

Each FOLDER holds lib/ and include/ of one version, as unpack_libtensorflow.py makes it. benchstep is built against each. All versions run
at the same time and take turns, step by step, since the speed of a machine changes by more than versions differ. The ratios are medians
of the ratios within a turn, to the first folder: of the time, and of the processor's time, which other programs disturb less. Settings are those of bench.py: ROUNDS, BENCH_ONLY, BENCH_BACKBONE, THREADS; without
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


def processor_seconds(worker):
    """The processor's time of all threads of a worker so far, in steps of 10 ms (proc(5))."""
    fields = pathlib.Path(f"/proc/{worker.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def step(worker):
    """Seconds of a step, and of the processor in it."""
    before = processor_seconds(worker)
    return worker.ask("step")["seconds"], processor_seconds(worker) - before


def ratio(turns, i, what):
    """The median and the range of a version's ratios to the first version."""
    ratios = [t[i][what] / t[0][what] for t in turns]
    return f"{statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"


def compare(s, programs, variant, precision, batch):
    """Prints a line for each version."""
    workers = [bench.start(s, variant, precision, batch, None, p) for p in programs]
    for w in workers:
        w.ask("step")  # the first step allocates and compiles
    turns = []
    for number in range(s.rounds):
        order = list(enumerate(workers))
        seconds = {i: step(w) for i, w in (order if number % 2 == 0 else order[::-1])}
        turns.append([seconds[i] for i in range(len(workers))])
    for i, (program, w) in enumerate(zip(programs, workers)):
        peak = w.ask("peak")
        print(f"batch {batch} {precision} {variant:11} {program.name:30} {statistics.median(t[i][0] for t in turns):7.3f} s a step, "
              f"time {ratio(turns, i, 0)}, processor {ratio(turns, i, 1)}, "
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
