#!/usr/bin/env python3
"""Make runner/prepare/opencv/testdata/expect.json: what OpenCV makes of pictures that follow from a formula.

Needs numpy 2.4.6 and opencv-python-headless 4.11.0.86. Usage: python scripts/make_opencv_vectors.py

The pictures are those of picture() in runner/prepare/opencv/opencv_test.go. The file has the SHA-256 of the resulting bytes,
so the Go functions have to agree bit for bit. "retina" is the processing of TFDS's
diabetic_retinopathy_detection/btgraham-300 without the last step, JPEG.
"""
import hashlib
import json
import pathlib

import cv2
import numpy as np

OUT = pathlib.Path(__file__).resolve().parent.parent / "runner" / "prepare" / "opencv" / "testdata" / "expect.json"


def picture(height, width):
    y, x, c = np.mgrid[:height, :width, :3]
    return ((x * 7 + y * 13 + c * 50 + x * y // 5 + (x // 9 % 2) * 90) % 256).astype(np.uint8)


def eye(height, width, radius):
    """A picture that is dark outside a circle."""
    y, x, _ = np.mgrid[:height, :width, :3]
    inside = (x - width // 2) ** 2 + (y - height // 2) ** 2 <= radius * radius
    return np.where(inside, picture(height, width) // 2 + 60, 2).astype(np.uint8)


def digest(a):
    return {"height": a.shape[0], "width": a.shape[1], "sha256": hashlib.sha256(np.ascontiguousarray(a).tobytes()).hexdigest()}


def retina(image, size=300):
    row = image[image.shape[0] // 2].sum(axis=1)
    r = (row > row.mean() / 10.0).sum() / 2.0
    if r < 1.0:
        r = image.shape[0] / 2.0
    image = cv2.resize(image, dsize=None, fx=size / r, fy=size / r)
    image = cv2.addWeighted(image, 4, cv2.GaussianBlur(image, (0, 0), size / 30), -4, 128)
    mask = np.zeros(image.shape)
    height, width = image.shape[:2]
    radius = int(size * 0.9)
    cv2.circle(mask, center=(width // 2, height // 2), radius=radius, color=(1, 1, 1), thickness=-1)
    image = image * mask + (1 - mask) * 128
    image = image[max(height // 2 - radius, 0):min(height // 2 + radius, height), max(width // 2 - radius, 0):min(width // 2 + radius, width)]
    return image.astype(np.uint8)


expect = {"resize": [], "blur": [], "disc": [], "retina": []}
for height, width, factor in [(30, 40, 0.7), (41, 33, 0.31), (64, 48, 0.5), (31, 47, 0.5), (30, 54, 0.5), (20, 17, 1.7), (9, 7, 3.0),
                              (640, 480, (120000 / (640 * 480)) ** 0.5), (500, 701, (120000 / (500 * 701)) ** 0.5), (60, 61, 1 / 3), (3, 200, 0.9), (50, 50, 0.02)]:
    out = cv2.resize(picture(height, width), dsize=None, fx=factor, fy=factor)
    expect["resize"].append({"from": [height, width], "factor": factor, **digest(out)})
for height, width in [(100, 90), (61, 200), (31, 40), (17, 5), (1, 70), (300, 301)]:
    expect["blur"].append(digest(cv2.GaussianBlur(picture(height, width), (0, 0), 10)))
for height, width, radius in [(540, 540, 270), (100, 300, 270), (30, 31, 10), (7, 9, 3), (40, 41, 0)]:
    mask = np.zeros((height, width), np.uint8)
    cv2.circle(mask, (width // 2, height // 2), radius, 1, thickness=-1)
    expect["disc"].append({"radius": radius, **digest(mask)})
for height, width, radius in [(200, 260, 90), (400, 300, 0), (900, 1300, 600), (120, 900, 310), (700, 820, 340)]:
    image = eye(height, width, radius) if radius else np.zeros((height, width, 3), np.uint8)
    expect["retina"].append({"from": [height, width, radius], **digest(retina(image))})
OUT.write_text(json.dumps(expect, indent=1) + "\n")
