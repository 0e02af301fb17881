#!/usr/bin/env python3
"""Compare SavedModels that 'dtl-tf export' wrote, run in TensorFlow's Python, with 'dtl-tf predict'.

    python scripts/check_savedmodel.py FOLDER PREDICTIONS [FOLDER PREDICTIONS ...]

Needs tensorflow. PREDICTIONS are the lines of 'dtl-tf predict --json'. The images they name are decoded here and passed
to the default signature in their own size. The logits must agree to 1e-4, or to 0.02 in bfloat16, to which predict
rounds in other places than the model does. All models stay loaded, which shows that two of them in one program do not
share variables. A model of several tasks is recognised by its tasks.json, and its lines name their adapter. Prints one line
per model.
"""
import json
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
import numpy as np
import tensorflow as tf
from tensorflow.python.saved_model import loader_impl

TOLERANCE = {"fp32": 1e-4, "bf16": 0.02}


def decode(path):
    """RGB bytes [H, W, 3] as Pillow and dtl-tf decode them."""
    raw = tf.io.read_file(path)
    if raw.numpy()[:2] == b"\xff\xd8":
        return tf.io.decode_and_crop_jpeg(raw, [0, 0, *tf.io.extract_jpeg_shape(raw)[:2].numpy()], channels=3, dct_method="INTEGER_ACCURATE")
    return tf.io.decode_png(raw, channels=3)


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def check_signatures(folder, size, classes):
    """Check what TensorFlow Serving looks up: tag, names, method, types and shapes."""
    found = loader_impl.parse_saved_model(folder).meta_graphs
    assert len(found) == 1 and list(found[0].meta_info_def.tags) == ["serve"], found[0].meta_info_def.tags
    signatures = found[0].signature_def
    assert set(signatures) == {"serving_default", "resized_0_to_1"}, set(signatures)
    for name, dtype, shape in (("serving_default", tf.uint8, [-1, -1, -1, 3]), ("resized_0_to_1", tf.float32, [-1, size, size, 3])):
        s = signatures[name]
        assert s.method_name == "tensorflow/serving/predict", s.method_name
        assert set(s.inputs) == {"images"} and set(s.outputs) == {"logits", "probabilities"}, s
        ends = [(s.inputs["images"], dtype, shape)] + [(s.outputs[o], tf.float32, [-1, classes]) for o in ("logits", "probabilities")]
        for info, dtype, shape in ends:
            assert info.dtype == dtype.as_datatype_enum, info
            assert [d.size for d in info.tensor_shape.dim] == shape, info


def read_lines(path):
    with open(path) as f:
        lines = [json.loads(line) for line in f]
    assert lines, f"{path} is empty"
    return lines


def check_tasks(folder, predictions):
    """Check a model of several tasks: the signature of each, and those of all, against the lines of predict."""
    with open(os.path.join(folder, "assets.extra", "tasks.json")) as f:
        described = json.load(f)
    size, names = described["image_size"], [task["name"] for task in described["tasks"]]
    tolerance = TOLERANCE[described["precision"]]
    model = tf.saved_model.load(folder)
    assert set(model.signatures) == {"serving_default", "resized_0_to_1", *names}, set(model.signatures)
    serve, floats = model.signatures["serving_default"], model.signatures["resized_0_to_1"]
    lines = read_lines(predictions)
    assert {line["adapter"] for line in lines} == set(names), "the lines are of other tasks"

    def all_lines():
        worst = 0.0
        for line in lines:
            task, image = line["adapter"], decode(line["image"])[tf.newaxis]
            alone, together = model.signatures[task](images=image), serve(images=image)
            assert set(together) == {f"{n}_{o}" for n in names for o in ("logits", "probabilities")}, set(together)
            logits = alone["logits"].numpy()[0]
            worst = max(worst, np.abs(logits - line["logits"]).max(), np.abs(logits - together[f"{task}_logits"].numpy()[0]).max())
            for probabilities in (alone["probabilities"].numpy()[0], together[f"{task}_probabilities"].numpy()[0]):
                assert np.abs(probabilities - softmax(logits)).max() < 1e-5
        assert worst <= tolerance, f"{folder}: logits differ by {worst}"
        return worst

    worst = all_lines()
    images = np.random.default_rng(3).integers(0, 256, (3, size, size, 3), dtype=np.uint8)
    by_bytes, by_floats = serve(images=tf.constant(images)), floats(images=tf.constant(images / 255, tf.float32))
    other = max(np.abs(by_bytes[f"{n}_logits"].numpy() - by_floats[f"{n}_logits"].numpy()).max() for n in names)
    assert other <= (tolerance if described["precision"] == "fp32" else 0.1), f"{folder}: the signatures differ by {other}"
    print(f"{folder}: {len(names)} tasks, {len(lines)} lines, logits within {worst:.1e}, signatures within {other:.1e}")
    return all_lines


def check(folder, predictions):
    if os.path.exists(os.path.join(folder, "assets.extra", "tasks.json")):
        return check_tasks(folder, predictions)
    with open(os.path.join(folder, "assets.extra", "classifier.json")) as f:
        described = json.load(f)
    size, classes = described["image_size"], described["classes"]
    tolerance = TOLERANCE[described["precision"]]
    check_signatures(folder, size, classes)
    model = tf.saved_model.load(folder)
    serve, floats = model.signatures["serving_default"], model.signatures["resized_0_to_1"]
    lines = read_lines(predictions)

    def all_lines():
        worst = 0.0
        for line in lines:
            out = serve(images=decode(line["image"])[tf.newaxis])
            logits = out["logits"].numpy()[0]
            worst = max(worst, np.abs(logits - line["logits"]).max())
            probabilities = out["probabilities"].numpy()[0]
            assert np.abs(probabilities - softmax(logits)).max() < 1e-5
            assert abs(probabilities[line["label"]] - line["probability"]) < tolerance, line["image"]
        assert worst <= tolerance, f"{folder}: logits differ by {worst}"
        return worst

    worst = all_lines()
    # The second signature, on images of the model's own size, which the first one does not resize. In bfloat16 the last
    # bit of a normalised value can change its rounding.
    images = np.random.default_rng(3).integers(0, 256, (3, size, size, 3), dtype=np.uint8)
    by_bytes = serve(images=tf.constant(images))["logits"].numpy()
    by_floats = floats(images=tf.constant(images / 255, tf.float32))["logits"].numpy()
    other = np.abs(by_bytes - by_floats).max()
    assert other <= (tolerance if described["precision"] == "fp32" else 0.1), f"{folder}: the signatures differ by {other}"
    print(f"{folder}: {described['method']}, {len(lines)} images, logits within {worst:.1e}, signatures within {other:.1e}")
    return all_lines


def main(arguments):
    again = [check(folder, predictions) for folder, predictions in zip(arguments[::2], arguments[1::2])]
    for check_again in again:  # with all others loaded
        check_again()


if __name__ == "__main__":
    if len(sys.argv) < 3 or len(sys.argv) % 2 == 0:
        sys.exit(__doc__)
    main(sys.argv[1:])
