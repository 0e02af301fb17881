#!/usr/bin/env python3
"""Compare ONNX models that 'dtl-tf export --format onnx' wrote, run by ONNX Runtime, with 'dtl-tf predict'.

    python scripts/check_onnx.py MODEL.onnx PREDICTIONS [MODEL.onnx PREDICTIONS ...]

Needs onnx, onnxruntime, numpy and Pillow. PREDICTIONS are the lines of 'dtl-tf predict --json'. The images they name are
decoded and scaled by Pillow, whose bicubic filter dtl-tf has too. ONNX's checker must pass, and logits must agree to 1e-4, one
image at a time and in a batch. A model of several tasks is recognised by its metadata, and its lines name their adapter.
Prints one line per model.
"""
import json
import sys

import numpy as np
import onnx
import onnxruntime
from PIL import Image

TOLERANCE = 1e-4


def pixels(path, size, resize):
    """Bytes [size, size, 3]: scaled to resize x resize, of which the centre is cut out."""
    image = Image.open(path).convert("RGB").resize((resize, resize), Image.Resampling.BICUBIC)
    start = round((resize - size) / 2)
    return np.asarray(image)[start : start + size, start : start + size]


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def check_graph(path):
    """Check versions, names, types and shapes. Returns the metadata."""
    onnx.checker.check_model(path, full_check=True)
    model = onnx.load(path, load_external_data=False)
    assert model.ir_version == 8 and [(o.domain, o.version) for o in model.opset_import] == [("", 17)]
    described = {p.key: p.value for p in model.metadata_props}
    size = int(described["image_size"])
    kind = {"uint8": onnx.TensorProto.UINT8, "float": onnx.TensorProto.FLOAT}[described["input"]]
    [images] = model.graph.input
    dims = [d.dim_param or d.dim_value for d in images.type.tensor_type.shape.dim]
    assert images.name == "images" and images.type.tensor_type.elem_type == kind and dims == ["batch", size, size, 3], images
    for out in model.graph.output:
        assert out.type.tensor_type.elem_type == onnx.TensorProto.FLOAT and out.type.tensor_type.shape.dim[0].dim_param == "batch", out
    return described


def prefixes(described):
    """The prefix of the names of the outputs, by the name that the lines of predict have for their adapter, and the number of classes."""
    if "tasks" in described:
        return {t["name"]: (t["name"] + "_", t["classes"]) for t in json.loads(described["tasks"])}
    return {None: ("", int(described["classes"]))}


def check(path, predictions):
    described = check_graph(path)
    outputs = prefixes(described)
    size = int(described["image_size"])
    resize = int(described.get("test_resize", 0)) or size
    with open(predictions) as f:
        lines = [json.loads(line) for line in f]
    assert lines, f"{predictions} is empty"
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [prefix + what for prefix, _ in outputs.values() for what in ("logits", "probabilities")]
    assert [o.name for o in session.get_outputs()] == names, [o.name for o in session.get_outputs()]

    files = list(dict.fromkeys(line["image"] for line in lines))
    images = np.stack([pixels(f, size, resize) for f in files])
    if described["input"] == "float":
        images = images.astype(np.float32) / 255
    together = dict(zip(names, session.run(names, {"images": images})))
    worst = 0.0
    for line in lines:
        at = files.index(line["image"])
        prefix, classes = outputs[line.get("adapter")]
        alone = dict(zip(names, session.run(names, {"images": images[at : at + 1]})))
        for got in (alone[prefix + "logits"][0], together[prefix + "logits"][at]):
            assert got.shape == (classes,), got.shape
            worst = max(worst, np.abs(got - line["logits"]).max())
        probabilities = alone[prefix + "probabilities"][0]
        assert np.abs(probabilities - softmax(alone[prefix + "logits"][0])).max() < 1e-5
        assert abs(probabilities[line["label"]] - line["probability"]) < TOLERANCE, line["image"]
    assert worst <= TOLERANCE, f"{path}: logits differ by {worst}"
    what = described["method"] if "method" in described else f"{len(outputs)} tasks"
    print(f"{path}: {what}, {len(lines)} lines of {len(files)} images, logits within {worst:.1e}")


if __name__ == "__main__":
    if len(sys.argv) < 3 or len(sys.argv) % 2 == 0:
        sys.exit(__doc__)
    for model, lines in zip(sys.argv[1::2], sys.argv[2::2]):
        check(model, lines)
