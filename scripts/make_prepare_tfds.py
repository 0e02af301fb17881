#!/usr/bin/env python3
"""Make runner/prepare/testdata/tfds: small data sets written by TensorFlow Datasets (TFDS), and what TFDS reads back.

Needs tensorflow-cpu 2.18 and tensorflow-datasets 4.9.7. Usage: python scripts/make_prepare_tfds.py

TFDS's own builder of each name writes the data set, so features, file names, dataset_info.json and the order of the
records are authentic; only the images and annotations that the builder would download are made up.
expect.json has, by task and list, the label and the sha256 of the image that VTAB's slices give when TFDS reads
them: of the encoded image, or for dSprites of the pixels after VTAB's preprocessing. The labels are computed
here as VTAB's code (task_adaptation/data/*.py) computes them.
"""
import hashlib
import json
import os
import pathlib
import shutil
import tempfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["NO_GCE_CHECK"] = "true"

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

OUT = pathlib.Path(__file__).resolve().parent.parent / "runner" / "prepare" / "testdata" / "tfds"
TRAIN, VAL = 10, 3


def image(i, height, width, channels=3, values=256):
    y, x = np.mgrid[:height, :width]
    return np.stack([np.where(x + y < 3 + 5 * i % (height + width), i * 11 + 50 * c, 200 - i * 3 - 30 * c) % values
                     for c in range(channels)], -1).astype(np.uint8)


def make(name, splits, shards):
    """Write a data set: splits are {name: [(key, record), ...]}."""
    work = tempfile.mkdtemp()
    builder = tfds.builder(name, data_dir=work)
    kind = type(builder)
    kind._split_generators = lambda self, *a, **k: {s: iter(r) for s, r in splits.items()}
    builder.download_and_prepare(download_config=tfds.download.DownloadConfig(num_shards=shards, try_download_gcs=False))
    to = OUT / name.split("/")[0]
    shutil.rmtree(to, ignore_errors=True)
    to.mkdir(parents=True)
    for f in sorted(pathlib.Path(builder.data_dir).iterdir()):
        if ".tfrecord" in f.name or f.name in ("dataset_info.json", "label.labels.txt"):
            shutil.copy(f, to / f.name)
    return builder


def read(builder, spec, label, pixels=None):
    """The records in TFDS's order, file by file."""
    decoders = None if pixels else {"image": tfds.decode.SkipDecoding()}
    config = tfds.ReadConfig(interleave_cycle_length=1)
    result = []
    for x in builder.as_dataset(split=spec, shuffle_files=False, decoders=decoders, read_config=config):
        data = pixels(x["image"]).numpy().tobytes() if pixels else x["image"].numpy()
        result.append({"label": int(label(x)), "sha256": hashlib.sha256(data).hexdigest()})
    return result


def expected(builder, slices, label, pixels=None):
    names = ("train800", "val200", "test")
    return {n: read(builder, s, label, pixels) for n, s in zip(names, slices)}


def part(builder, split, percent, n):
    start = builder.info.splits[split].num_examples * percent // 100
    return f"{split}[{start}:{start + n}]"


def stored(name):
    return lambda x: x[name]


def closest_object(x):
    dist = tf.reduce_min(x["objects"]["pixel_coords"][:, 2])
    thrs = np.array([0.0, 8.0, 8.5, 9.0, 9.5, 10.0, 100.0])
    return tf.reduce_max(tf.where((thrs - tf.cast(dist, tf.float64).numpy()) < 0))


def closest_vehicle(x):
    vehicles = tf.where(x["objects"]["type"] < 3)
    z = tf.gather(params=x["objects"]["location"][:, 2], indices=vehicles)
    dist = tf.reduce_min(tf.concat([z, tf.constant([[1000.0]])], axis=0))
    thrs = np.array([-100.0, 8.0, 20.0, 999.0])
    return tf.reduce_max(tf.where((thrs - tf.cast(dist, tf.float64).numpy()) < 0))


def main():
    expect = {}

    b = make("cifar100", {
        split: [(i, {"id": f"{split}_{i:05d}", "image": image(i, 32, 32), "label": i * 7 % 100, "coarse_label": i % 20})
                for i in range(n)] for split, n in (("train", 41), ("test", 7))}, 3)
    expect["cifar"] = expected(b, ["train[:10]", part(b, "train", 90, VAL), "test"], stored("label"))

    def scene(i):
        z = [8.0, 8.25, 9.4999, 10.0, 10.7, 9.0, 12.0, 8.75][i % 8]
        return [{"color": "red", "material": "metal", "shape": "cube", "size": "small", "rotation": 1.0,
                 "pixel_coords": [10.0, 20.0, z + j], "3d_coords": [1.0, 2.0, 3.0]} for j in range(3 + i % 8)]

    b = make("clevr", {
        split: [(f"CLEVR_{key}_{i:06d}.png", {"image": image(i, 12, 16), "file_name": f"CLEVR_{key}_{i:06d}.png",
                                              "question_answer": [], "objects": scene(i)}) for i in range(n)]
        for split, key, n in (("train", "train", 40), ("validation", "val", 9))}, 1)
    slices = ["train[:10]", part(b, "train", 90, VAL), "validation"]
    expect["clevr_count"] = expected(b, slices, lambda x: tf.shape(x["objects"]["size"])[0] - 3)
    expect["clevr_dist"] = expected(b, slices, closest_object)

    kinds = ["Car", "Van", "Truck", "Pedestrian", "Cyclist", "Misc"]

    def street(i):
        return [{"type": kinds[(i + j) % 6], "truncated": 0.0, "occluded": 0, "alpha": 0.0,
                 "bbox": tfds.features.BBox(0.1, 0.1, 0.5, 0.5), "dimensions": [1.0, 1.0, 1.0],
                 "location": [0.0, 1.0, [3.5, 8.0, 15.0, 20.0, 47.25][(i * 3 + j) % 5]], "rotation_y": 0.0} for j in range(i % 4)]

    b = make("kitti", {
        split: [(f"{i:06d}.png", {"image": image(i, 10, 33), "image/file_name": f"{i:06d}.png", "objects": street(i)})
                for i in range(base, base + n)] for split, base, n in (("train", 0, 30), ("validation", 100, 8), ("test", 200, 6))}, 2)
    expect["kitti"] = expected(b, ["train[:10]", "validation[:3]", "test"], closest_vehicle)

    b = make("dsprites", {"train": [
        (i, {"image": image(i, 64, 64, 1, 2), "label_shape": 0, "label_scale": 0, "label_orientation": i * 11 % 40,
             "label_x_position": i * 5 % 32, "label_y_position": i % 32, "value_shape": 1.0, "value_scale": 1.0,
             "value_orientation": 0.0, "value_x_position": 0.0, "value_y_position": 0.0}) for i in range(40)]}, 1)
    slices = ["train[:10]", part(b, "train", 80, VAL), "train[36:]"]

    def bright(x):
        return tf.tile(x, [1, 1, 3]) * 255

    def division(name, original):
        return lambda x: tf.cast(tf.math.floordiv(tf.cast(x[name], tf.float32), original / 16), tf.int64)

    expect["dsprites_loc"] = expected(b, slices, division("label_x_position", 32), bright)
    expect["dsprites_ori"] = expected(b, slices, division("label_orientation", 40), bright)

    b = make("smallnorb", {
        split: [(i, {"image": image(i, 96, 96, 1), "image2": image(i + 1, 96, 96, 1), "instance": i % 10, "label_category": i % 5,
                     "label_elevation": i % 9, "label_azimuth": i * 5 % 18, "label_lighting": i % 6})
                for i in range(n)] for split, n in (("train", 20), ("test", 20))}, 1)
    slices = ["train[:10]", "test[:3]", "test[10:]"]
    expect["smallnorb_azi"] = expected(b, slices, stored("label_azimuth"))
    expect["smallnorb_ele"] = expected(b, slices, stored("label_elevation"))

    names = ["AnnualCrop", "Forest", "HerbaceousVegetation", "Highway", "Industrial", "Pasture", "PermanentCrop",
             "Residential", "River", "SeaLake"]
    b = make("eurosat/rgb", {"train": [
        (f"{names[i % 10]}_{names[i % 10]}_{i}.jpg",
         {"image": image(i, 64, 64), "label": names[i % 10], "filename": f"{names[i % 10]}_{i}.jpg"}) for i in range(40)]}, 1)
    expect["eurosat"] = expected(b, ["train[:10]", part(b, "train", 60, VAL), "train[32:]"], stored("label"))

    (OUT / "expect.json").write_text(json.dumps(expect, separators=(",", ":")) + "\n")


main()
