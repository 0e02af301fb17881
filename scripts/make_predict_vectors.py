#!/usr/bin/env python3
"""Make cmd/dtl-tf/testdata/predict: small PNGs, and the logits of DTL on a tiny ViT for them.

Needs torch, safetensors, pillow and dtl_reference.py, an independent PyTorch implementation of the method that is
not part of this repository. Usage: python scripts/make_predict_vectors.py PATH/TO/dtl_reference.py

Weights are those of dtl/testdata (scripts/make_golden_vectors.py). For each case there, expected.json has the flags
that its adapter needs, since it has no metadata, and the logits [3, classes] in float64 for images in the order of their names.
"""
import importlib.util
import json
import pathlib
import sys

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file

ROOT = pathlib.Path(__file__).resolve().parent.parent
WEIGHTS, OUT = ROOT / "dtl" / "testdata", ROOT / "cmd" / "dtl-tf" / "testdata" / "predict"


def main(reference_path):
    spec = importlib.util.spec_from_file_location("dtl_reference", reference_path)
    reference = importlib.util.module_from_spec(spec)
    sys.modules["dtl_reference"] = reference  # dataclasses look up their module
    spec.loader.exec_module(reference)

    OUT.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(7).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    for i, image in enumerate(pixels):
        Image.fromarray(image).save(OUT / f"{i}.png")
    x = (torch.from_numpy(pixels).double() / 255 - 0.5) / 0.5
    expected = {}
    for case in ("tiny_dtl", "tiny_dtlplus_k3", "tiny_dtlplus_k4"):
        config = json.loads((WEIGHTS / case / "expected.json").read_text())["config"]
        fields = {f: config[f] for f in reference.ViTConfig.__dataclass_fields__ if f in config}
        model = reference.build(reference.ViTConfig(**fields), load_file(WEIGHTS / "backbone.safetensors"),
                                load_file(WEIGHTS / case / "adapter_after.safetensors")).double().eval()
        with torch.no_grad():
            logits = model(x.permute(0, 3, 1, 2))
        flags = ["--feedback-from", str(config["first_feedback"])]
        expected[case] = {"flags": flags, "logits": logits.tolist()}
    (OUT / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
