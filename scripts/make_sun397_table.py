#!/usr/bin/env python3
"""Make runner/prepare/sun397.bin: which images of SUN397 are in VTAB-1k's lists.

Needs tensorflow-datasets 4.9.10 (only its text files; Apache-2.0). Usage: python scripts/make_sun397_table.py PACKAGE_FOLDER

The split is random and exists only as three lists in TFDS. The table has, for train800, val200 and test in turn, the first four
bytes of the MD5 of each path such as /a/abbey/sun_aaaulhwrhqgejnyt.jpg, sorted. They tell all 108,754 images of the archive apart.
The order of the images follows from their paths.
"""
import hashlib
import pathlib
import sys

OUT = pathlib.Path(__file__).resolve().parent.parent / "runner" / "prepare" / "sun397.bin"
# SHA-256 of the keys, a line each, in TFDS's order.
DIGESTS = {
    "train": "7026ed310668285349d3ab604bc3e5cf4d6cf34f0c262fdc5fb5f00399b75427",
    "validation": "0fecc917806a92c938dfa9517521cad75a970be5b52c743c64d01c1be18a1b05",
    "test": "dd5130935e2f88dab57ca4639095215c3f8717e391a2e1fb0e71303ee10fa726",
}


def short(path):
    return hashlib.md5(path.encode()).digest()[:4]


folder = pathlib.Path(sys.argv[1]) / "image_classification"
table, everything = b"", ["/c/church/outdoor/sun_bhenjvsvrtumjuri.jpg"]  # the image in none of the lists
for split, name, count in [("train", "tr", 800), ("validation", "va", 200), ("test", "te", None)]:
    paths = [line.strip() for line in (folder / f"sun397_tfds_{name}.txt").read_text().splitlines()]
    everything += paths
    paths.sort(key=lambda p: hashlib.md5((split + p).encode()).digest())
    paths = paths[:count]
    assert hashlib.sha256("".join(p + "\n" for p in paths).encode()).hexdigest() == DIGESTS[split], split
    table += b"".join(sorted(map(short, paths)))
assert len(everything) == len(set(map(short, everything))) == 108754
OUT.write_bytes(table)
