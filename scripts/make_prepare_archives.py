#!/usr/bin/env python3
"""Make the tiny archives of runner/prepare's tests with programs other than this one.

Needs numpy 2.4.6, scipy 1.17.1 and h5py 3.16.0. Usage: python scripts/make_prepare_archives.py

  runner/prepare/matlab/testdata   .mat files that MATLAB wrote (from scipy's own tests, BSD licence) and that scipy.io.savemat writes;
                                   expect.json has what scipy.io.loadmat reads in them
  runner/prepare/hdf5/testdata     HDF5 files of h5py in several layouts; expect.json has what h5py reads in them
  runner/prepare/testdata          svhn, smallnorb, patch_camelyon: the data sets' files with few records. originals.json has label and
                                   sha256 of the pixels [H, W, 3] of every record; dsprites.hdf5 has the images of dsprites.npz

smallNORB's format has no library: the files follow the description on the data set's home page. The pixels are computed from a
formula. h5py keeps the time of creation out of the files by default, so the output is the same each time, except for the date in
the header of scipy's files, which is overwritten.
"""
import gzip
import hashlib
import json
import pathlib
import shutil
import struct

import h5py
import numpy as np
import scipy.io
import scipy.io.matlab

PREPARE = pathlib.Path(__file__).resolve().parent.parent / "runner" / "prepare"
OUT = PREPARE / "testdata"


def folder(*parts):
    path = PREPARE.joinpath(*parts)
    path.mkdir(parents=True, exist_ok=True)
    return path


def savemat(path, variables, **options):
    scipy.io.savemat(path, variables, **options)
    raw = bytearray(path.read_bytes())
    raw[:116] = b"MATLAB 5.0 MAT-file Platform: posix, Created by scipy".ljust(116)
    path.write_bytes(raw)


def images(n, height, width, channels, seed):
    """[n, height, width, channels] uint8: stripes whose slope, offset and colours differ for every image."""
    y, x, c = np.mgrid[:height, :width, :channels]
    made = np.zeros((n, height, width, channels), np.uint8)
    for i in range(n):
        made[i] = ((x // 4 * (1 + i % 3) + y // 8 * 5 + 90 * c + 7 * i + seed) % 256)
    return made


def rows(pixels, labels):
    """Label and hash of records [H, W, 3]; grey ones [H, W, 1] are repeated."""
    return [{"label": int(label), "sha256": hashlib.sha256(np.broadcast_to(p, p.shape[:2] + (3,)).tobytes()).hexdigest()}
            for p, label in zip(pixels, labels)]


def matlab():
    out = folder("matlab", "testdata")
    data = pathlib.Path(scipy.io.matlab.__file__).parent / "tests" / "data"
    for name in ("big_endian", "little_endian", "test3dmatrix_6.1_SOL2", "test3dmatrix_7.4_GLNX86", "testdouble_7.4_GLNX86", "testcomplex_7.4_GLNX86",
                 "testcell_7.4_GLNX86", "testsparse_7.4_GLNX86", "testfunc_7.4_GLNX86", "testmulti_7.4_GLNX86", "testhdf5_7.4_GLNX86",
                 "testdouble_4.2c_SOL2", "corrupted_zlib_checksum", "teststruct_6.5.1_GLNX86"):
        shutil.copy(data / f"{name}.mat", out / f"{name}.mat")
    numbers = {
        "pixels": images(3, 4, 5, 3, 1).transpose(1, 2, 3, 0), "one": np.uint8(7), "negative": np.array([[-3, 200]], np.int16),
        "wide": np.array([[1, 2 ** 40]], np.int64), "single": np.array([[1, 2.0]], np.float32), "empty": np.zeros((0, 3)),
        "a_name_that_is_longer_than_four_bytes": np.arange(2500, dtype=np.uint32).reshape(-1, 1),
    }
    savemat(out / "numbers.mat", numbers)
    savemat(out / "numbers_compressed.mat", numbers, do_compression=True)
    expect = {}
    for path in sorted(out.glob("*.mat")):
        if path.stem in ("testhdf5_7.4_GLNX86", "testdouble_4.2c_SOL2", "corrupted_zlib_checksum"):
            continue
        expect[path.name] = {
            name: {"class": next(c for n, _, c in scipy.io.whosmat(path) if n == name), "shape": list(v.shape),
                   "values": [int(x) for x in v.flatten("F")] if not np.any(v != np.floor(v)) else None}
            for name, v in scipy.io.loadmat(path).items()
            if isinstance(v, np.ndarray) and v.dtype.kind in "uif" and not name.startswith("__")}
    (out / "expect.json").write_text(json.dumps(expect, separators=(",", ":")) + "\n")


def hdf5():
    out = folder("hdf5", "testdata")
    x = images(20, 6, 5, 3, 2)
    y = (np.arange(20) * 3 % 7).astype(np.uint8).reshape(20, 1, 1, 1)
    cases = {
        "contiguous": {}, "chunked": {"chunks": (3, 6, 5, 3)}, "deflate": {"chunks": (1, 6, 5, 3), "compression": 4},
        "tiles": {"chunks": (4, 4, 2, 3), "compression": 9}, "shuffle": {"chunks": (7, 6, 5, 3), "compression": 4, "shuffle": True, "fletcher32": True},
        "growing": {"chunks": True, "maxshape": (None, 6, 5, 3)}, "many": {"chunks": (1, 1, 1, 3)},
        "lzf": {"chunks": (4, 6, 5, 3), "compression": "lzf"}, "scaled": {"chunks": (4, 6, 5, 3), "scaleoffset": 0},
    }
    for name, options in cases.items():
        with h5py.File(out / f"{name}.h5", "w") as f:
            f.create_dataset("x", data=x, **options)
            f.create_dataset("y", data=y)
    for name, options in {"latest": {}, "latest_chunked": {"chunks": (3, 6, 5, 3)}}.items():
        with h5py.File(out / f"{name}.h5", "w", libver="latest") as f:
            f.create_dataset("x", data=x, **options)
            f.create_dataset("y", data=y.astype(">i4"))
    with h5py.File(out / "types.h5", "w") as f:
        f["float"], f["text"], f["compound"] = np.ones(3), "abc", np.zeros(2, [("a", "i4"), ("b", "f4")])
        f["signed"], f["scalar"] = np.array([-5, 5], np.int64), np.uint8(3)
        f.create_group("group")["inner"] = y
        f.create_dataset("holes", shape=(10, 4), chunks=(2, 4), dtype="u1")[0] = 1
        for i in range(40):
            f[f"more_{i:02d}"] = np.full(1, i, np.uint16)
        f["soft"] = h5py.SoftLink("/signed")
    with h5py.File(out / "dense.h5", "w", libver="latest") as f:
        for i in range(12):
            f[f"more_{i:02d}"] = np.full(1, i, np.uint8)
    expect = {"x": [hashlib.sha256(r.tobytes()).hexdigest() for r in x], "y": [int(v) for v in y.ravel()]}
    for name in cases:
        with h5py.File(out / f"{name}.h5") as f:
            assert (f["x"][:] == x).all() and (f["y"][:] == y).all()
    (out / "expect.json").write_text(json.dumps(expect, separators=(",", ":")) + "\n")


def norb(path, array):
    """smallNORB's matrix: magic, number of dimensions, at least three dimensions, values in C order; little-endian."""
    magic = {"uint8": 0x1E3D4C55, "int32": 0x1E3D4C54}[array.dtype.name]
    dims = list(array.shape) + [1] * (3 - array.ndim)
    raw = struct.pack(f"<ii{len(dims)}i", magic, array.ndim, *dims) + array.tobytes()
    path.write_bytes(gzip.compress(raw, mtime=0))


def main():
    matlab()
    hdf5()
    expect = {}

    out, expect["svhn"] = folder("testdata", "svhn"), {}
    for split, n, seed in (("train", 40, 3), ("test", 12, 100)):
        x, y = images(n, 32, 32, 3, seed), (np.arange(n) * 7 % 10 + 1).astype(np.uint8)
        savemat(out / f"{split}_32x32.mat", {"X": x.transpose(1, 2, 3, 0), "y": y.reshape(-1, 1)}, do_compression=True)
        expect["svhn"][split] = rows(x, y % 10)

    out = folder("testdata", "smallnorb")
    expect["smallnorb_azi"], expect["smallnorb_ele"] = {}, {}
    for split, name, n, seed in (("train", "smallnorb-5x46789x9x18x6x2x96x96-training", 30, 5), ("test", "smallnorb-5x01235x9x18x6x2x96x96-testing", 20, 77)):
        pairs = images(2 * n, 96, 96, 1, seed).reshape(n, 2, 96, 96)
        info = np.stack([np.arange(n) % 10, np.arange(n) * 4 % 9, np.arange(n) * 5 % 18 * 2, np.arange(n) % 6], 1).astype(np.int32)
        norb(out / f"{name}-dat.mat.gz", pairs)
        norb(out / f"{name}-info.mat.gz", info)
        expect["smallnorb_azi"][split] = rows(pairs[:, 0, :, :, None], info[:, 2] // 2)
        expect["smallnorb_ele"][split] = rows(pairs[:, 0, :, :, None], info[:, 1])

    out, expect["patch_camelyon"] = folder("testdata", "patch_camelyon"), {}
    for split, name, n, options in (("train", "train", 24, {}), ("validation", "valid", 6, {"chunks": (4, 96, 96, 3), "compression": 9}),
                                    ("test", "test", 8, {"chunks": True, "maxshape": (None, 96, 96, 3)})):
        x, y = images(n, 96, 96, 3, 11 * n), (np.arange(n) * 5 % 3 % 2).astype(np.uint8).reshape(n, 1, 1, 1)
        for key, data, more in (("x", x, options), ("y", y, {})):
            path = out / f"camelyonpatch_level_2_split_{name}_{key}.h5"
            with h5py.File(path, "w") as f:
                f.create_dataset(key, data=data, **more)
            (out / (path.name + ".gz")).write_bytes(gzip.compress(path.read_bytes(), mtime=0))
            path.unlink()
        expect["patch_camelyon"][split] = rows(x, y.ravel())

    imgs = np.load(OUT / "dsprites.npz")["imgs"]  # of make_prepare_cifar.py
    with h5py.File(OUT / "dsprites.hdf5", "w") as f:  # named as in the published file
        f.create_dataset("imgs", data=imgs, chunks=(600, 32, 32), compression="gzip", compression_opts=9)
        f.create_dataset("latents/classes", data=np.zeros((len(imgs), 6), np.int64), compression="gzip")
        f.create_dataset("latents/values", data=np.zeros((len(imgs), 6)), compression="gzip")

    (OUT / "originals.json").write_text(json.dumps(expect, separators=(",", ":")) + "\n")


main()
