#!/usr/bin/env python3
"""Writes scikit-learn's handwritten digits as a VTAB-1k folder: prepare_digits.py WHEEL FOLDER.

WHEEL is any scikit-learn wheel. FOLDER receives images/{train800,val200,test}/NNNNNN.png, 8-bit
grey, 8x8, and the lists train800.txt, val200.txt, train800val200.txt and test.txt with one line
"images/.../NNNNNN.png LABEL" per image: 800 train, 200 validation, 797 test.

Needs only the standard library. The pixels are the same on every machine, and so are the files if its
zlib compresses alike.
"""

import gzip
import hashlib
import os
import struct
import sys
import zipfile
import zlib

MEMBER = "sklearn/datasets/data/digits.csv.gz"
SHA256 = "09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22"
SIDE, CLASSES = 8, 10
SOURCE = """\
1,797 handwritten digits, 8x8 grey, from the test part of "Optical Recognition of Handwritten
Digits" (E. Alpaydin, C. Kaynak; UCI Machine Learning Repository, CC BY 4.0), taken from
scikit-learn's {member}
sha256 {sha}.
Grey 0..16 became 0..255. Split: 800 train, 200 validation, 797 test, every class in proportion,
chosen by the sha256 of each image's number.
"""


def read_digits(wheel):
    """Returns [(grey values 0..16, label)], in the file's order."""
    with zipfile.ZipFile(wheel) as archive:
        data = archive.read(MEMBER)
    got = hashlib.sha256(data).hexdigest()
    if got != SHA256:
        sys.exit(f"{wheel}: {MEMBER} has sha256 {got}, want {SHA256}: it is not the known data set")
    digits = []
    for line in gzip.decompress(data).decode("ascii").splitlines():
        values = [int(float(v)) for v in line.split(",")]
        digits.append((values[: SIDE * SIDE], values[SIDE * SIDE]))
    return digits


def png(grey):
    """Encodes SIDE x SIDE values 0..255 as an 8-bit grey PNG (W3C PNG specification, sections 5 and 11)."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    # Filter type 0 (none) before every row.
    rows = b"".join(b"\0" + bytes(grey[i : i + SIDE]) for i in range(0, SIDE * SIDE, SIDE))
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def shares(counts, total):
    """Splits total over the classes in proportion to counts; the largest remainders get the rest."""
    exact = [c * total / sum(counts) for c in counts]
    got = [int(e) for e in exact]
    order = sorted(range(len(counts)), key=lambda c: (got[c] - exact[c], c))
    for c in order[: total - sum(got)]:
        got[c] += 1
    return got


def split(labels):
    """Returns the image numbers of train (800), validation (200) and test (797), each ascending."""
    # Ordered by a hash: Python does not guarantee that random.shuffle stays the same.
    members = [[] for _ in range(CLASSES)]
    for number in sorted(range(len(labels)), key=lambda n: hashlib.sha256(b"digits %d" % n).digest()):
        members[labels[number]].append(number)
    chosen = shares([len(m) for m in members], 1000)
    validation = shares(chosen, 200)
    parts = [], [], []
    for m, c, v in zip(members, chosen, validation):
        parts[0].extend(m[: c - v])
        parts[1].extend(m[c - v : c])
        parts[2].extend(m[c:])
    return [sorted(p) for p in parts]


def main(wheel, folder):
    digits = read_digits(wheel)
    lists = {}
    for name, numbers in zip(("train800", "val200", "test"), split([label for _, label in digits])):
        os.makedirs(os.path.join(folder, "images", name))
        lists[name] = []
        for i, number in enumerate(numbers):
            grey, label = digits[number]
            path = f"images/{name}/{i:06d}.png"
            with open(os.path.join(folder, path), "wb") as f:
                f.write(png([round(g * 255 / 16) for g in grey]))
            lists[name].append(f"{path} {label}\n")
    lists["train800val200"] = lists["train800"] + lists["val200"]
    for name, lines in lists.items():
        with open(os.path.join(folder, name + ".txt"), "w", newline="\n") as f:
            f.writelines(lines)
    # Written last: it marks the folder as complete.
    with open(os.path.join(folder, "SOURCE.txt"), "w", newline="\n") as f:
        f.write(SOURCE.format(member=MEMBER, sha=SHA256))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
