#!/usr/bin/env python3
"""Make graph/weight/testdata: small .npz and .safetensors files, and what is in them.

Needs numpy and safetensors. Usage: python scripts/make_weight_vectors.py

For each file, expect.json has the sha256, the metadata, and shape, type and values of each tensor: floats are the bits of
a float32, which covers NaN and infinity. backbones.json has a summary for the files in ../shared/backbones; without that
folder it is left unchanged. The values come from a fixed seed.
"""
import hashlib
import io
import json
import pathlib
import zipfile

import numpy as np
import safetensors
from safetensors.numpy import load, save

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "graph" / "weight" / "testdata"
SHARED = ROOT.parent / "shared" / "backbones"
rng = np.random.default_rng(20240301)


def floats(*shape):
    return rng.standard_normal(shape).astype(np.float32)


def bits(x):
    return np.ascontiguousarray(x, dtype="<f4").reshape(-1).view(np.uint32).tolist()


def describe(arrays, raw, metadata=None):
    tensors = {}
    for name, x in arrays.items():
        is_float = x.dtype.kind == "f"
        values = bits(x) if is_float else np.ascontiguousarray(x).reshape(-1).astype(np.int64).tolist()
        tensors[name] = {"shape": list(x.shape), "type": "float32" if is_float else str(x.dtype), "values": values}
    return {"sha256": hashlib.sha256(raw).hexdigest(), "metadata": metadata, "tensors": tensors}


def savez(pack=np.savez, **arrays):
    out = io.BytesIO()
    pack(out, **arrays)
    return out.getvalue()


# Rounding, the largest and smallest numbers, subnormal ones, both zeros, infinity and NaN.
SPECIAL = np.array([0.1, -65504, 6.1e-5, 5.96e-8, 1e-40, 3.4e38, 0.0, -0.0, np.inf, -np.inf, np.nan], dtype=np.float32)
with np.errstate(over="ignore"):
    HALF = SPECIAL.astype(np.float16)

expect = {}


def put(name, raw, arrays=None, metadata=None):
    (OUT / name).write_bytes(raw)
    if arrays is not None:
        expect[name] = describe(arrays, raw, metadata)


OUT.mkdir(exist_ok=True)

# .npz files that must be read
plain = {
    "matrix": floats(3, 4), "Transformer/block_0/kernel": floats(2, 3, 2), "scalar": np.array(2.5, np.float32),
    "vector": floats(5), "empty": floats(0, 3), "special": SPECIAL, "half": HALF, "größe": floats(2),
    "int64": np.array([-(2**40), 7]), "int32": np.array([[-5], [6]], np.int32), "uint8": np.array([0, 255], np.uint8),
    "bool": np.array([True, False, True]),
}
put("plain.npz", savez(**plain), plain)
deflated = {"zeros": np.zeros((16, 33), np.float32), "matrix": floats(6, 5), "half": HALF}
put("deflated.npz", savez(np.savez_compressed, **deflated), deflated)
versions = {f"v{major}": floats(2, 3) for major in (1, 2, 3)}
out = io.BytesIO()
with zipfile.ZipFile(out, "w") as z:
    for major in (1, 2, 3):
        with z.open(zipfile.ZipInfo(f"v{major}.npy"), "w") as f:
            np.lib.format.write_array(f, versions[f"v{major}"], version=(major, 0))
put("versions.npz", out.getvalue(), versions)

# Doubles between two float32 numbers: ties (to even), values just beside a tie, overflow, underflow and subnormals.
ULP = 2.0**-23
WIDE = np.array([0.1, -1 / 3, 1 + ULP / 2, 1 + 3 * ULP / 2, 1 + ULP / 2 + 1e-12, 3.5e38, -1e300, 1e-46, 1e-40, -0.0, np.inf, np.nan])
with np.errstate(over="ignore"):
    wide = {"good": floats(2), "wide": WIDE}
    put("float64.npz", savez(**wide), wide)

# .npz files that must be rejected
put("fortran.npz", savez(good=floats(2), columns=np.asfortranarray(floats(3, 2))))
put("bigendian.npz", savez(good=floats(2), swapped=floats(3).astype(">f4")))
put("object.npz", savez(good=floats(2), things=np.array([{"a": 1}, None], dtype=object)))
put("structured.npz", savez(good=floats(2), record=np.zeros(2, [("x", "<f4"), ("y", "<i4")])))
put("bfloat16.npz", savez(good=floats(2), short=np.zeros(2, "V2")))

# .safetensors files that must be read. NumPy lacks BF16, so its bytes are those of truncated float32.
f32 = {"head.weight": floats(2, 3), "head.bias": floats(2), "scalar": np.array(-1.5, np.float32),
       "empty": floats(0, 3), "a<b>&\"ü\"": floats(1)}
put("float32.safetensors", save(f32, {"format": "dtl <&> \u00fc"}), f32, {"format": "dtl <&> \u00fc"})
mixed = {
    "f32": SPECIAL, "f16": HALF, "i64": np.array([-(2**40), 7]), "i32": np.array([[-5], [6]], np.int32),
    "u8": np.array([0, 255, 3], np.uint8), "bool": np.array([True, False, True]),
}
put("integers.safetensors", save({k: mixed[k] for k in ("f32", "i64", "i32", "u8", "bool")}),
    {k: mixed[k] for k in ("f32", "i64", "i32", "u8", "bool")})
cut = (SPECIAL.view(np.uint32) >> 16).astype(np.uint16)
whole = (cut.astype(np.uint32) << 16).view(np.float32)


def header_and_data(parts):
    """A .safetensors file from (name, type, array as bytes) parts, checked by the reader of the library."""
    header, data = {}, b""
    for name, kind, x in parts:
        header[name] = {"dtype": kind, "shape": list(x.shape), "data_offsets": [len(data), len(data) + x.nbytes]}
        data += x.tobytes()
    text = json.dumps(header).encode()
    raw = len(text).to_bytes(8, "little") + text + data
    safetensors.deserialize(raw)
    return raw


put("narrow.safetensors", header_and_data([("bf16", "BF16", cut), ("f16", "F16", HALF)]), {"bf16": whole, "f16": HALF})
wide = {"good": floats(2), "wide": WIDE}
with np.errstate(over="ignore"):
    put("float64.safetensors", save(wide), wide)

# All binary16 numbers except NaNs, widened.
halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
halves = halves[~np.isnan(halves)].astype("<f4")
(OUT / "expect.json").write_text(json.dumps(
    {"files": expect, "halves_sha256": hashlib.sha256(halves.tobytes()).hexdigest()}, ensure_ascii=False) + "\n")

# The real backbones: a hash of all tensors (as tensor.Map.SHA256 computes it), and some values.
if SHARED.is_dir():
    backbones = {}
    for path in sorted(SHARED.glob("*.npz")) + sorted(SHARED.glob("*.safetensors")):
        raw = path.read_bytes()
        arrays = dict(np.load(path)) if path.suffix == ".npz" else load(raw)
        h = hashlib.sha256()
        for name in sorted(arrays, key=lambda n: n.encode()):
            x = arrays[name]
            h.update(f"{name} [{' '.join(map(str, x.shape))}]\n".encode() + x.astype("<f4").tobytes())
        some = {}
        for name in sorted(arrays)[::40]:
            x = arrays[name].reshape(-1)
            some[name] = {"shape": list(arrays[name].shape), "first": bits(x[:3]), "last": bits(x[-2:])}
        backbones[path.name] = {
            "sha256": hashlib.sha256(raw).hexdigest(), "tensors": len(arrays), "content_sha256": h.hexdigest(), "some": some}
    (OUT / "backbones.json").write_text(json.dumps(backbones) + "\n")
