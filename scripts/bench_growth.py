#!/usr/bin/env python3
"""How memory and time of a training step grow, and the largest backbone that each method trains in a given memory.

    python scripts/bench_growth.py forecast          the ladder of ViTs and the sweeps, told from the graph: no weights, a minute
    python scripts/bench_growth.py seconds [SWEEP..] times the points of the sweeps whose step is short
    python scripts/bench_growth.py try METHOD RUNG   trains a step of one rung of the ladder, unless the process grows beyond LIMIT
    python scripts/bench_growth.py draw              tables on standard output and the plots, from the file only

Everything is kept in growth.json, a point for each configuration; a command replaces its own points. A point's bytes are those of the step
(`peak`: told from the graph, or `traced`), of what stays between steps (`weights`, `optimizer`) and of the whole process (`resident`:
the most that the kernel counted). Its seconds are those of the clock (`seconds`) and those that all processors worked (`cpu`), which others on
the machine change little. Settings come from the environment:

    GROWTH_OUT=.         folder for growth.json and the plots
    BENCHSTEP=...        the program to measure (default: it is built)
    LIMIT=22e9           bytes that a process may take: the 24 GB machine without what its system needs
    THREADS=2            threads inside one op
    LONGEST=60           seconds of a step beyond which no further point of a sweep is timed
    STEPS=3              timed steps of a point, after one that is not; a step above LONG is timed at once, one above a quarter of it once
    LONG=16              seconds
    BUDGET=inf           seconds after which no further point is begun: call again for the rest
"""
import datetime
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

import bench_machine
import growth_plot

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = pathlib.Path(os.environ.get("GROWTH_OUT") or ROOT)
LIMIT = float(os.environ.get("LIMIT") or 22e9)
THREADS = int(os.environ.get("THREADS") or bench_machine.processors())
LONGEST = float(os.environ.get("LONGEST") or 60)
STEPS = int(os.environ.get("STEPS") or 3)
BUDGET = float(os.environ.get("BUDGET") or "inf")
LONG = float(os.environ.get("LONG") or 16)
METHODS = ["full", "lora", "dtl"]
BATCH = 32

# name: patch, width, depth, heads, mlp. Ti to L are Google's and timm's; H, g and G those of Zhai et al. (2022); e that of Chen et al.
# (2023, PaLI); 6B that of InternViT-6B in plain blocks; the others lie between.
RUNGS = {
    "Ti/16": (16, 192, 12, 3, 768),
    "S/16": (16, 384, 12, 6, 1536),
    "B/16": (16, 768, 12, 12, 3072),
    "L/16": (16, 1024, 24, 16, 4096),
    "H/14": (14, 1280, 32, 16, 5120),
    "g/14": (14, 1408, 40, 16, 6144),
    "1.4B/14": (14, 1536, 48, 16, 6144),
    "G/14": (14, 1664, 48, 16, 8192),
    "2.4B/14": (14, 2048, 48, 16, 8192),
    "e/14": (14, 1792, 56, 16, 15360),
    "6B/14": (14, 3200, 48, 25, 12800),
    "7B/14": (14, 3456, 48, 27, 13824),
    "8B/14": (14, 3584, 52, 28, 14336),
    "9B/14": (14, 3840, 50, 30, 15360),
    "10B/14": (14, 4096, 48, 32, 16384),
}


def describe(rung, image=224, depth=None):
    patch, width, blocks, heads, mlp = RUNGS[rung]
    return f"vit:image={image},patch={patch},width={width},depth={depth or blocks},heads={heads},mlp={mlp}"


def sweeps():
    """The points of each sweep: what varies, and the configuration. DTL on ViT-B/16 at 224 pixels and batch 8 is in all of them."""
    def point(x, rung="B/16", batch=8, image=224, depth=None, method="dtl"):
        return {"x": x, "rung": rung, "batch": batch, "image": image, "depth": depth or RUNGS[rung][2], "method": method}
    return {
        "batch": [point(n, batch=n) for n in (1, 2, 4, 8, 16, 32, 64, 128)],
        "image": [point(n, image=n) for n in (224, 288, 384, 448, 512)],  # 512: 518 is no multiple of 16
        "patch14": [dict(point(n, rung="g/14", batch=8, image=n, depth=12), sweep="patch14") for n in (224, 336, 448, 518)],
        "depth": [point(n, depth=n) for n in (6, 12, 24, 48)],
        "width": [point(r, rung=r) for r in ("Ti/16", "S/16", "B/16", "L/16", "H/14", "g/14")],
    }


def arguments(p):
    return ["-backbone", describe(p["rung"], p["image"], p["depth"]), "-method", p["method"], "-batch", str(p["batch"]),
            "-precision", p["precision"], "-recompute", p["recompute"], "-threads", str(THREADS)]


def program():
    given = os.environ.get("BENCHSTEP")
    if given:
        return given
    built = str(pathlib.Path(tempfile.mkdtemp()) / "benchstep")
    subprocess.run(["go", "build", "-o", built, "./scripts/benchstep"], cwd=ROOT, check=True)
    return built


class File:
    """growth.json: points by kind, each with its configuration."""

    def __init__(self):
        self.path = OUT / "growth.json"
        self.all = json.loads(self.path.read_text()) if self.path.exists() else {"ladder": [], "sweeps": {}, "tries": []}

    def save(self):
        commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
        self.all["made"] = {"date": datetime.date.today().isoformat(), "commit": commit, "processor": bench_machine.describe(), "threads": THREADS, "limit": LIMIT}
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps(self.all, indent=1) + "\n")
        part.rename(self.path)


def forecast(binary, p):
    run = subprocess.run([binary, *arguments(p), "-forecast"], capture_output=True, text=True)
    if run.returncode:
        sys.exit(f"growth: {p}: {run.stderr[-1000:]}")
    return {**p, **json.loads(run.stdout)}


def resident(pid, what):
    try:
        for line in open(f"/proc/{pid}/status"):
            if line.startswith(what):
                return int(line.split()[1]) * 1024
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0


class Step:
    """A benchstep process that is killed when it grows beyond the limit."""

    def __init__(self, binary, p, limit):
        self.begun, self.most, self.over = time.time(), 0, False
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen([binary, *arguments(p)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True)
        threading.Thread(target=self.watch, args=(limit,), daemon=True).start()
        self.answer()
        self.loading = time.time() - self.begun
        self.loaded = resident(self.process.pid, "VmHWM:")

    def watch(self, limit):
        while self.process.poll() is None:
            self.most = max(self.most, resident(self.process.pid, "VmHWM:"))
            if resident(self.process.pid, "VmRSS:") > limit:
                self.over = True
                self.process.kill()
            time.sleep(0.02)

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            self.log.seek(0)
            raise RuntimeError("it grew beyond the limit" if self.over else self.log.read()[-600:].strip() or f"it ended with {self.process.returncode}")
        return json.loads(line)

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self.answer()

    def close(self):
        self.most = max(self.most, resident(self.process.pid, "VmHWM:"))
        self.process.stdin.close()
        self.process.wait()


def timed(binary, p, limit):
    s = Step(binary, p, limit)
    before = busy(s.process.pid)
    took, cpu = [s.ask("step")["seconds"]], [busy(s.process.pid) - before]
    if took[0] <= LONG:  # else the preparation of the first step is lost in it
        for i in range(STEPS if took[0] < LONG / 4 else 1):
            before = busy(s.process.pid)
            took[i:] = [s.ask("step")["seconds"]]
            cpu[i:] = [busy(s.process.pid) - before]
    peak = s.ask("peak")
    s.close()
    return {"seconds": took, "cpu": cpu, "traced": peak["bytes"], "resident": s.most, "loading_seconds": s.loading, "loaded": s.loaded}


def busy(pid):
    """Seconds that the processors have worked for a process so far."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def put(points, p, key):
    points[:] = [q for q in points if any(q[k] != p[k] for k in key)] + [p]


def run_forecast(file, binary):
    for rung in RUNGS:
        for method in METHODS:
            p = {"rung": rung, "method": method, "batch": BATCH, "image": 224, "depth": RUNGS[rung][2], "precision": "bf16", "recompute": "blocks"}
            if method == "full" and RUNGS[rung][1] > 2048 or any(q["rung"] == rung and q["method"] == method for q in file.all["ladder"]):
                continue  # full takes four times its limit there
            file.all["ladder"].append(forecast(binary, p))
            file.save()
        print(rung, file=sys.stderr, flush=True)
    for name, points in sweeps().items():
        for p in points:
            told(file, binary, name, p)
        print(name, file=sys.stderr, flush=True)


def told(file, binary, name, p):
    """The point of a sweep in the file, which is forecast if it is not there."""
    points = file.all["sweeps"].setdefault(name, [])
    for q in points:
        if q["x"] == p["x"]:
            return q
    points.append(forecast(binary, {**p, "precision": "fp32", "recompute": "activations"}))
    file.save()
    return points[-1]


def run_seconds(file, binary, only):
    begun = time.time()
    for name, points in sweeps().items():
        longest = 0
        for p in points:
            if only and name not in only:
                continue
            p = told(file, binary, name, p)
            if p.get("seconds"):
                longest = 3 * min(p["seconds"])
                continue
            need = p["weights"] + p["optimizer"] + p["peak"] + p["input"]
            if longest > LONGEST or need > LIMIT:
                print(f"{name} {p['x']}: left out ({need / 1e9:.1f} GB, a step may take {longest:.0f} s)", file=sys.stderr, flush=True)
                continue
            if time.time() - begun > BUDGET:
                print("the rest another time", file=sys.stderr)
                return
            p.update(timed(binary, p, LIMIT))
            longest = 3 * min(p["seconds"])  # the next point is two to three times as large
            print(f"{name} {p['x']}: {min(p['seconds']):.2f} s, {p['traced'] / p['peak']:.3f} of the forecast", file=sys.stderr, flush=True)
            file.save()


def run_try(file, binary, method, rung, image=224):
    p = {"rung": rung, "method": method, "batch": BATCH, "image": int(image), "depth": RUNGS[rung][2], "precision": "bf16", "recompute": "blocks"}
    told = forecast(binary, p)
    begun, s = time.time(), None
    try:
        s = Step(binary, p, LIMIT)
        told["loaded"], before = s.loaded, busy(s.process.pid)
        seconds = s.ask("step")["seconds"]
        cpu = busy(s.process.pid) - before
        s.close()
        told.update({"ran": True, "seconds": seconds, "cpu": cpu, "resident": s.most, "loaded": s.loaded, "loading_seconds": s.loading})
    except (RuntimeError, BrokenPipeError) as e:
        told.update({"ran": False, "why": str(e), "after_seconds": time.time() - begun})
    told["limit"] = LIMIT
    put(file.all["tries"], told, ["rung", "method", "image"])
    print(json.dumps(told), file=sys.stderr)
    file.save()


def main():
    command, *rest = sys.argv[1:] or ["help"]
    if command not in ("forecast", "seconds", "try", "draw"):
        sys.exit(__doc__)
    OUT.mkdir(parents=True, exist_ok=True)
    file = File()
    if command == "draw":
        return growth_plot.draw(file.all, OUT)
    binary = program()
    if command == "forecast":
        run_forecast(file, binary)
    elif command == "seconds":
        run_seconds(file, binary, rest)
    else:
        run_try(file, binary, *rest)


main()
