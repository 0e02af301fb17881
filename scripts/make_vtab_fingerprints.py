#!/usr/bin/env python3
"""Make runner/internal/origin/official.csv: fingerprints of VTAB-1k's official lists.

Needs tensorflow-datasets 4.9.10 (only its text files; Apache-2.0) and scipy 1.17.1. Usage:
python scripts/make_vtab_fingerprints.py VECTORS TFDS_PACKAGE FLOWERS_FOLDER > runner/internal/origin/official.csv

VECTORS is a JSON file with sha256 of the keys of each list, a line each in TFDS's order. They were computed from TFDS's rule, and
agree with the file names that the authors of VPT published where those exist. TFDS_PACKAGE has the lists of SUN397. FLOWERS_FOLDER has
imagelabels.mat and setid.mat of Flowers-102.

The columns: task and list; records of the split in TFDS and position of the list's first record in it; number of images; sha256 of the
keys; sha256 of the labels, a line each, of the tasks whose labels follow from keys or from the files above. An empty column is unknown.
"""
import csv
import hashlib
import json
import pathlib
import sys

import scipy.io

vectors, tfds, flowers = map(pathlib.Path, sys.argv[1:])
DATASETS = json.loads(vectors.read_text())["datasets"]
# By task: the data set, the split of val200 with its first record, and the split of test with its first record.
TASKS = {
    "cifar": ("cifar100", "train", 45000, "test", 0),
    "dtd": ("dtd", "validation", 0, "test", 0),
    "oxford_flowers102": ("oxford_flowers102", "validation", 0, "test", 0),
    "oxford_iiit_pet": ("oxford_iiit_pet", "train", 2944, "test", 0),
    "svhn": ("svhn_cropped", "train", 65931, "test", 0),
    "sun397": ("sun397", "validation", 0, "test", 0),
    "patch_camelyon": ("patch_camelyon", "validation", 0, "test", 0),
    "eurosat": ("eurosat", "train", 16200, "train", 21600),
    "resisc45": ("resisc45", "train", 18900, "train", 25200),
    "diabetic_retinopathy": ("diabetic_retinopathy_detection/btgraham-300", "validation", 0, "test", 0),
    "clevr_count": ("clevr", "train", 63000, "validation", 0),
    "clevr_dist": ("clevr", "train", 63000, "validation", 0),
    "dmlab": ("dmlab", "validation", 0, "test", 0),
    "kitti": ("kitti", "validation", 0, "test", 0),
    "dsprites_loc": ("dsprites", "train", 589824, "train", 663552),
    "dsprites_ori": ("dsprites", "train", 589824, "train", 663552),
    "smallnorb_azi": ("smallnorb", "test", 0, "test", 12150),
    "smallnorb_ele": ("smallnorb", "test", 0, "test", 12150),
}
EUROSAT = {"AnnualCrop": 3000, "Forest": 3000, "HerbaceousVegetation": 3000, "Highway": 2500, "Industrial": 2500, "Pasture": 2000,
           "PermanentCrop": 2500, "Residential": 3000, "River": 2500, "SeaLake": 3000}
# The class folders of NWPU-RESISC45, in the order of TFDS's resisc45.py.
RESISC = """airplane airport baseball_diamond basketball_court beach bridge chaparral church circular_farmland cloud commercial_area
    dense_residential desert forest freeway golf_course ground_track_field harbor industrial_area intersection island lake meadow
    medium_residential mobile_home_park mountain overpass palace parking_lot railway railway_station rectangular_farmland river
    roundabout runway sea_ice ship snowberg sparse_residential stadium storage_tank tennis_court terrace thermal_power_station
    wetland""".split()


def sha(lines):
    return hashlib.sha256("".join(f"{v}\n" for v in lines).encode()).hexdigest()


def records():
    """Key and label of every record by task and split, in any order."""
    one = lambda pairs: {"train": list(pairs)}
    yield "eurosat", one((f"{c}_{c}_{i}.jpg", label) for label, c in enumerate(EUROSAT) for i in range(1, EUROSAT[c] + 1))
    yield "resisc45", one((f"{c}_{c}_{i:03}.jpg", label) for label, c in enumerate(RESISC) for i in range(1, 701))
    yield "dsprites_loc", one((i, i // 32 % 32 // 2) for i in range(737280))
    yield "dsprites_ori", one((i, i // 1024 % 40 * 2 // 5) for i in range(737280))
    lists = {split: (tfds / "image_classification" / f"sun397_tfds_{name}.txt").read_text().split()
             for split, name in (("train", "tr"), ("validation", "va"), ("test", "te"))}
    classes = sorted({p.rsplit("/", 1)[0] for paths in lists.values() for p in paths})
    yield "sun397", {split: [(p, classes.index(p.rsplit("/", 1)[0])) for p in paths] for split, paths in lists.items()}
    labels = scipy.io.loadmat(flowers / "imagelabels.mat")["labels"].ravel()
    ids = scipy.io.loadmat(flowers / "setid.mat")
    yield "oxford_flowers102", {split: [(f"image_{i:05}.jpg", int(labels[i - 1]) - 1) for i in ids[name].ravel()]
                                for split, name in (("train", "trnid"), ("validation", "valid"), ("test", "tstid"))}


labels = {}
for task, splits in records():
    dataset, val, val_at, test, test_at = TASKS[task]
    ordered = {split: sorted(pairs, key=lambda p: hashlib.md5(f"{split}{p[0]}".encode()).digest()) for split, pairs in splits.items()}
    for name, split, at in (("train800", "train", 0), ("val200", val, val_at), ("test", test, test_at)):
        want = DATASETS[dataset][name]
        chosen = ordered[split][at:][:want["count"]]
        assert sha(key for key, _ in chosen) == want["sha256"], (task, name)
        labels[task, name] = sha(label for _, label in chosen)

out = csv.writer(sys.stdout, lineterminator="\n")
out.writerow(["task", "list", "split_records", "first", "images", "keys_sha256", "labels_sha256"])
for task, (dataset, val, val_at, test, test_at) in TASKS.items():
    d = DATASETS[dataset]
    for name, split, at in (("train800", "train", 0), ("val200", val, val_at), ("test", test, test_at)):
        known = d.get(name, {})
        count = known.get("count", d["n"][split])
        out.writerow([task, name, d["n"][split], at, count, known.get("sha256", ""), labels.get((task, name), "")])
