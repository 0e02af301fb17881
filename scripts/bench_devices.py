#!/usr/bin/env python3
"""Measures training steps on several devices and in several processes on loopback against one device, in turns.

    go build -o /tmp/benchstep ./scripts/benchstep
    scripts/bench_devices.py /tmp/benchstep [--threads 2] [--devices 2] [--rounds 5]

Threads are those of all devices or processes of a line together. The exchange is a step with DTL's 36,864 gradients on ViT-B/16, but
on a backbone that computes next to nothing. All processes stay and take their steps one after another, so what else the machine does meets
all of them. Prints the smallest and the median time of a step, and the median of its processor time, in milliseconds; for a cluster the
processor time is that of the first process.
"""
import argparse
import json
import os
import socket
import statistics
import subprocess
import tempfile

STEP = ["-backbone", "vit:image=96,patch=16,width=192,depth=12,heads=3,mlp=768", "-batch", "16"]
EXCHANGE = ["-backbone", "vit:image=16,patch=8,width=96,depth=2,heads=1,mlp=96", "-option", "rank=96", "-batch", "6"]
STEPS = 10  # in each turn
TICKS = os.sysconf("SC_CLK_TCK")


class Trainer:
    """A benchstep that waits for commands, and the workers of its cluster."""

    def __init__(self, program, name, flags, folder, members=1):
        self.name, self.workers, self.seconds, self.processor = name, [], [], []
        if members > 1:
            sockets = [socket.socket() for _ in range(members)]
            for s in sockets:
                s.bind(("127.0.0.1", 0))
            addresses = ["127.0.0.1:%d" % s.getsockname()[1] for s in sockets]
            for s in sockets:
                s.close()
            path = os.path.join(folder, name.replace(" ", "-"))
            with open(path, "w") as f:
                f.write("\n".join(addresses) + "\n")
            flags = flags + ["-cluster", path]
            for address in addresses[1:]:
                self.workers.append(subprocess.Popen([program] + flags + ["-listen", address]))
        self.process = subprocess.Popen([program] + flags, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()

    def run(self, steps):
        """Trains, and returns the seconds of each step and the mean processor time."""
        before, seconds = self.clock(), []
        for _ in range(steps):
            self.process.stdin.write("step\n")
            self.process.stdin.flush()
            seconds.append(json.loads(self.process.stdout.readline())["seconds"])
        return seconds, (self.clock() - before) / steps

    def clock(self):
        with open(f"/proc/{self.process.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def end(self):
        self.process.stdin.close()
        self.process.wait()
        for w in self.workers:
            w.terminate()
            w.wait()


def measure(title, trainers, rounds):
    try:
        for t in trainers:
            t.run(3)
        for _ in range(rounds):
            for t in trainers:
                seconds, processor = t.run(STEPS)
                t.seconds += seconds
                t.processor.append(processor)
    finally:
        for t in trainers:
            t.end()
    print(title)
    for t in trainers:
        print(f"  {t.name:16} smallest {min(t.seconds) * 1e3:7.1f}  median {statistics.median(t.seconds) * 1e3:7.1f}"
              f"  processor {statistics.median(t.processor) * 1e3:7.1f}")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("benchstep")
    p.add_argument("--threads", type=int, default=2, help="of all devices together")
    p.add_argument("--devices", type=int, default=2)
    p.add_argument("--rounds", type=int, default=5)
    a = p.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with tempfile.TemporaryDirectory() as folder:
        for precision in ("fp32", "bf16"):
            flags = STEP + ["-precision", precision]
            measure(f"ViT-Ti of 96 pixels, batch 16, DTL, {precision}, {a.threads} threads", [
                Trainer(a.benchstep, "one device", flags + ["-threads", str(a.threads)], folder),
                Trainer(a.benchstep, f"{a.devices} devices", flags + ["-threads", str(a.threads), "-devices", str(a.devices)], folder),
                Trainer(a.benchstep, f"{a.devices} processes", flags + ["-threads", str(max(1, a.threads // a.devices))], folder, a.devices),
            ], a.rounds)
        measure("Exchange of 36,864 gradients, one thread each", [
            Trainer(a.benchstep, "one device", EXCHANGE + ["-threads", "1"], folder),
            Trainer(a.benchstep, "3 devices", EXCHANGE + ["-threads", "3", "-devices", "3"], folder),
            Trainer(a.benchstep, "3 processes", EXCHANGE + ["-threads", "1"], folder, 3),
        ], a.rounds * 5)


if __name__ == "__main__":
    main()
