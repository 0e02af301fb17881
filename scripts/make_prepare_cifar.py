#!/usr/bin/env python3
"""Make runner/prepare/testdata: tiny archives of CIFAR-10, CIFAR-100 and dSprites in the format of the real ones.

Needs numpy. Usage: python scripts/make_prepare_cifar.py

The python archives contain pickles as Python 2 wrote them (protocol 2, str as SHORT_BINSTRING and BINSTRING, numpy arrays
by numpy.core.multiarray._reconstruct), which the pickler below produces. expect.json has, by archive and row, the
label and the sha256 of the pixels [32, 32, 3]. The images are computed from a formula.
"""
import gzip
import hashlib
import io
import json
import pathlib
import pickle
import struct
import tarfile

import numpy as np

OUT = pathlib.Path(__file__).resolve().parent.parent / "runner" / "prepare" / "testdata"


class Python2Pickler(pickle._Pickler):
    """Writes str as Python 2's cPickle does, and numpy's modules under their names of that time."""

    dispatch = dict(pickle._Pickler.dispatch)

    def save_str(self, obj):
        data = obj if isinstance(obj, bytes) else obj.encode("ascii")
        if len(data) < 256:
            self.write(pickle.SHORT_BINSTRING + struct.pack("<B", len(data)) + data)
        else:
            self.write(pickle.BINSTRING + struct.pack("<i", len(data)) + data)
        self.memoize(obj)

    dispatch[str] = save_str
    dispatch[bytes] = save_str

    def save_global(self, obj, name=None):
        module = (obj.__module__ or "").replace("numpy._core", "numpy.core")
        self.write(pickle.GLOBAL + f"{module}\n{name or obj.__qualname__}\n".encode())
        self.memoize(obj)

    dispatch[type(np.ndarray.__reduce__(np.zeros(1))[0])] = save_global
    dispatch[type] = save_global


def dumps(value):
    out = io.BytesIO()
    Python2Pickler(out, protocol=2).dump(value)
    back = pickle.loads(out.getvalue(), encoding="latin1")
    assert back.keys() == value.keys()
    return out.getvalue()


def images(n, seed):
    """[n, 3, 32, 32] uint8: two colours and a diagonal, different for every image."""
    y, x = np.mgrid[:32, :32]
    made = np.zeros((n, 3, 32, 32), np.uint8)
    for i in range(n):
        for c in range(3):
            made[i, c] = np.where(x + y < 8 + (i * 7 + seed) % 40, i * 5 + 60 * c + seed, 255 - i * 3 - 40 * c) % 256
    return made


def tar(name, files):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as t:
        for path, data in files.items():
            info = tarfile.TarInfo(path)
            info.size, info.mode = len(data), 0o644
            t.addfile(info, io.BytesIO(data))
    (OUT / name).write_bytes(gzip.compress(raw.getvalue(), mtime=0))


def rows(pixels, labels):
    return [
        {"label": int(label), "sha256": hashlib.sha256(image.transpose(1, 2, 0).tobytes()).hexdigest()}
        for image, label in zip(pixels, labels)
    ]


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    expect = {}

    # CIFAR-10: five batches of eight and a test batch of six, not in order within the archive.
    names = "airplane automobile bird cat deer dog frog horse ship truck".split()
    python, binary, all_rows = {}, {}, []
    for batch in (1, 2, 3, 4, 5, 0):
        n = 8 if batch else 6
        pixels, labels = images(n, 20 * batch + 3), [(3 * i + batch) % 10 for i in range(n)]
        file = f"data_batch_{batch}" if batch else "test_batch"
        python["cifar-10-batches-py/" + file] = dumps({
            "batch_label": f"training batch {batch} of 5" if batch else "testing batch 1 of 1",
            "labels": labels,
            "data": pixels.reshape(n, 3072),
            "filenames": [f"{names[l]}_s_{i:06d}.png" for i, l in enumerate(labels)],
        })
        binary["cifar-10-batches-bin/" + file + ".bin"] = b"".join(bytes([l]) + p.tobytes() for p, l in zip(pixels, labels))
        if batch:
            all_rows += rows(pixels, labels)
        else:
            expect["cifar10"] = {"train": all_rows, "test": rows(pixels, labels)}
    python["cifar-10-batches-py/batches.meta"] = dumps({"num_cases_per_batch": 8, "label_names": names, "num_vis": 3072})
    python["cifar-10-batches-py/readme.html"] = b"<meta>"
    binary["cifar-10-batches-bin/batches.meta.txt"] = ("\n".join(names) + "\n\n").encode()
    tar("cifar-10-python.tar.gz", dict(reversed(list(python.items()))))
    tar("cifar-10-binary.tar.gz", dict(reversed(list(binary.items()))))

    # CIFAR-100
    names = [f"class_{i:02d}" for i in range(100)]
    python, binary, expect["cifar100"] = {}, {}, {}
    for split, n, seed in (("test", 5, 11), ("train", 40, 0)):
        pixels, labels = images(n, seed), [(37 * i + 5) % 100 for i in range(n)]
        coarse = [l // 5 for l in labels]
        python["cifar-100-python/" + split] = dumps({
            "filenames": [f"{names[l]}_s_{i:06d}.png" for i, l in enumerate(labels)],
            "batch_label": f"{split}ing batch 1 of 1",
            "fine_labels": labels,
            "coarse_labels": coarse,
            "data": pixels.reshape(n, 3072),
        })
        binary[f"cifar-100-binary/{split}.bin"] = b"".join(
            bytes([c, l]) + p.tobytes() for p, l, c in zip(pixels, labels, coarse))
        expect["cifar100"][split] = rows(pixels, labels)
    python["cifar-100-python/meta"] = dumps({"fine_label_names": names, "coarse_label_names": [f"coarse_{i}" for i in range(20)]})
    binary["cifar-100-binary/fine_label_names.txt"] = ("\n".join(names) + "\n").encode()
    binary["cifar-100-binary/coarse_label_names.txt"] = b"coarse\n" * 20
    tar("cifar-100-python.tar.gz", python)
    tar("cifar-100-binary.tar.gz", binary)

    # dSprites: 1,100 of the 737,280 rows, each image a bar whose position encodes the row's number in bits.
    n = 1100
    imgs = np.zeros((n, 64, 64), np.uint8)
    for i in range(n):
        for bit in range(11):
            imgs[i, 5 * bit:5 * bit + 4, :] = i >> bit & 1
    latents = np.stack([np.zeros(n), np.zeros(n), np.zeros(n), np.arange(n) // 1024, np.arange(n) // 32 % 32, np.arange(n) % 32], 1)
    np.savez_compressed(OUT / "dsprites.npz", imgs=imgs, latents_classes=latents.astype(np.int64))
    expect["dsprites"] = {"train": [
        {"label": int(latents[i, 4]) // 2, "sha256": hashlib.sha256((imgs[i] * 255).repeat(3).tobytes()).hexdigest()[:12]}
        for i in range(n)]}

    # A pickle that would run a program, and one of a current Python. Both must be rejected.
    class Evil:
        def __reduce__(self):
            import os
            return os.system, ("echo harm",)

    evil = io.BytesIO()
    Python2Pickler(evil, protocol=2).dump({"data": Evil()})
    (OUT / "evil.pickle").write_bytes(evil.getvalue())
    (OUT / "protocol4.pickle").write_bytes(pickle.dumps({"labels": [1]}, protocol=4))
    (OUT / "expect.json").write_text(json.dumps(expect, separators=(",", ":")) + "\n")


main()
