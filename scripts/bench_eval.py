#!/usr/bin/env python3
"""Measure evaluation in dtl-tf and in timm, side by side: images a second, reading and decoding the pictures included.

    make build
    scripts/bench_eval.py --data vtab-1k/caltech101 --model vit_tiny_patch16_224 --backbone vit_tiny_patch16_224.npz --images 500 2000

Both classify the first test images of a folder in the layout of VTAB-1k with the backbone's own head, in float32, with as many
threads and, in timm's case, as many processes that read pictures. dtl-tf is `dtl-tf eval`; timm is a loop as in its validate.py: a
DataLoader with Pillow, torch.inference_mode. Each takes a pass over the smaller and one over the larger number of images, in turns.
The rate is the difference of the images divided by that of the seconds, so that starting a program and loading its weights do not
count. Without --backbone the model has random weights, which both read from one file.

Prints the rates, their ratio, and on how many images both give the same class. Needs torch, timm, torchvision, Pillow and safetensors.
"""
import argparse
import csv
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import bench_machine

ROOT = pathlib.Path(__file__).resolve().parent.parent


class Pictures:
    """The first images of the list of test images."""

    def __init__(self, folder, count):
        lines = (pathlib.Path(folder) / "test.txt").read_text().splitlines()
        if len(lines) < count:
            sys.exit(f"bench_eval: {folder}/test.txt has {len(lines)} images, {count} are needed")
        self.folder, self.lines = pathlib.Path(folder).resolve(), lines[:count]

    def path(self, i):
        return self.folder / self.lines[i].rsplit(" ", 1)[0]

    def link(self, target):
        """Makes a data set of these images only."""
        target.mkdir()
        for entry in self.folder.iterdir():
            if entry.is_dir():
                (target / entry.name).symlink_to(entry)
        (target / "test.txt").write_text("\n".join(self.lines) + "\n")


class Timm:
    """timm's model, with a loader for each set of pictures."""

    def __init__(self, o, sets):
        import timm
        import torch
        from PIL import Image
        from torch.utils.data import DataLoader, Dataset
        from torchvision import transforms

        torch.set_num_threads(o.threads)
        torch.manual_seed(0)
        self.model = timm.create_model(o.model, num_classes=1000, **({"checkpoint_path": o.backbone} if o.backbone else {})).eval()
        config = self.model.pretrained_cfg
        mean, std = config["mean"], config["std"]
        if o.backbone and o.backbone.endswith(".npz"):  # Google's, as dtl-tf takes them too
            mean = std = [0.5] * 3
        self.normalisation = ["--mean", ",".join(map(str, mean)), "--std", ",".join(map(str, std))]
        prepare = transforms.Compose([
            transforms.Resize(config["input_size"][1:], interpolation=transforms.InterpolationMode.BICUBIC), transforms.ToTensor(),
            transforms.Normalize(mean, std)])

        class Images(Dataset):
            def __init__(self, pictures):
                self.pictures = pictures

            def __len__(self):
                return len(self.pictures.lines)

            def __getitem__(self, i):
                return prepare(Image.open(self.pictures.path(i)).convert("RGB"))

        self.inference = torch.inference_mode
        self.loaders = {n: DataLoader(Images(p), batch_size=o.batch, num_workers=o.threads) for n, p in sets.items()}

    def save(self, path):
        from safetensors.torch import save_file
        save_file(self.model.state_dict(), path)

    def classify(self, count):
        """The seconds of a pass, and the class of each image."""
        start, classes = time.perf_counter(), []
        with self.inference():
            for batch in self.loaders[count]:
                classes += self.model(batch).argmax(1).tolist()
        return time.perf_counter() - start, classes


class Ours:
    def __init__(self, o, sets, backbone, normalisation, folder):
        self.folder = folder
        self.command = [o.program, "eval", "--backbone", backbone, *normalisation, "--threads", o.threads, "--batch", o.batch]
        for n, p in sets.items():
            p.link(folder / str(n))

    def run(self, count, *more):
        command = [str(x) for x in [*self.command, "--data", self.folder / str(count), *more]]
        start = time.perf_counter()
        done = subprocess.run(command, text=True, capture_output=True)
        if done.returncode:
            sys.exit(f"bench_eval: {' '.join(command)}:\n{done.stderr}")
        return time.perf_counter() - start

    def classes(self, count):
        """The class of each image; they go into a file, which takes time of its own."""
        self.run(count, "--out", self.folder / "answers")
        with open(self.folder / "answers" / "predictions.csv", newline="") as f:
            return [int(row["predicted"]) for row in csv.DictReader(f)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", required=True, help="folder with test.txt")
    parser.add_argument("--model", required=True, help="timm's name of the architecture")
    parser.add_argument("--backbone", help="file with its weights; random ones without")
    parser.add_argument("--images", type=int, nargs=2, default=[500, 2000], help="the smaller and the larger number of images")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=bench_machine.processors())
    parser.add_argument("--program", default=ROOT / "bin" / "dtl-tf")
    o = parser.parse_args()
    few, many = sorted(o.images)
    watch = bench_machine.Watch()
    sets = {n: Pictures(o.data, n) for n in (few, many)}
    timm = Timm(o, sets)
    rates = {"dtl-tf": [], "timm": []}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        backbone = o.backbone or folder / "model.safetensors"
        if not o.backbone:
            timm.save(backbone)
        ours = Ours(o, sets, backbone, timm.normalisation, folder)
        same = sum(a == b for a, b in zip(ours.classes(few), timm.classify(few)[1], strict=True))
        for _ in range(o.rounds):
            rates["dtl-tf"].append((many - few) / (ours.run(many) - ours.run(few)))
            rates["timm"].append((many - few) / (timm.classify(many)[0] - timm.classify(few)[0]))
    print(f"{o.model}, {bench_machine.describe()}, {o.threads} threads, batches of {o.batch}; {many - few} images of {o.data}, {o.rounds} rounds")
    for name, values in rates.items():
        print(f"{name:7} {statistics.median(values):8.1f} images/s ({min(values):.1f}-{max(values):.1f})")
    ratios = [a / b for a, b in zip(rates["dtl-tf"], rates["timm"])]
    print(f"ratio   {statistics.median(ratios):8.2f} ({min(ratios):.2f}-{max(ratios):.2f}); the same class for {same} of {few} images")
    if watch.report()["busy"]:
        print("The machine was busy: the rates claim nothing.")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
