#!/usr/bin/env python3
"""Make runner/assess/testdata/figures.json: logits and labels, and what scikit-learn, scipy and a second implementation of the
calibration error say about them.

Needs numpy 2.4, scipy 1.17 and scikit-learn 1.9. Usage: python scripts/make_assess_vectors.py

The cases: few classes; a class without images and one that is never predicted; many classes with few images; a classifier that is
always right; one image; confidences of 1/5 and 1/3, at which bins meet. Undefined figures are null.
"""
import json
import math
import os
import warnings

import numpy as np
from scipy.special import log_softmax, softmax
from scipy.stats import binomtest
from sklearn.metrics import (accuracy_score, balanced_accuracy_score, confusion_matrix, f1_score, precision_recall_fscore_support,
                             top_k_accuracy_score)

OUT = os.path.join(os.path.dirname(__file__), "..", "runner", "assess", "testdata", "figures.json")
BINS = 15


def null(values):
    return [None if math.isnan(v) else float(v) for v in values]


def calibration_error(confidence, right):
    """Answer by answer, with the bin found by comparing with every edge."""
    edges = np.linspace(0, 1, BINS + 1)
    total, counts = 0.0, []
    for low, high in zip(edges[:-1], edges[1:]):
        inside = (confidence > low) & (confidence <= high)
        counts.append(int(inside.sum()))
        if inside.any():
            total += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    return total, counts


def case(name, logits, labels):
    logits = np.round(logits, 2).astype(np.float32)
    classes = logits.shape[1]
    every = list(range(classes))
    predicted = logits.argmax(1)
    right = predicted == labels
    probability = softmax(logits.astype(np.float64), axis=1)
    interval = binomtest(int(right.sum()), len(labels)).proportion_ci(0.95, method="wilson")
    precision, recall, f1, support = precision_recall_fscore_support(labels, predicted, labels=every, zero_division=np.nan)
    ece, counts = calibration_error(probability.max(1), right)
    present = sorted(set(labels) | set(predicted))
    return {
        "name": name, "classes": classes, "labels": labels.tolist(), "logits": [[float(f"{v:.2f}") for v in row] for row in logits],
        "accuracy": float(accuracy_score(labels, predicted)), "low": interval.low, "high": interval.high,
        "balanced": float(balanced_accuracy_score(labels, predicted)),
        "top5": float(top_k_accuracy_score(labels, logits, k=5, labels=every)) if classes > 5 else None,
        "macro_f1": float(f1_score(labels, predicted, labels=present, average="macro")),
        "precision": null(precision), "recall": null(recall), "f1": null(f1), "support": support.astype(int).tolist(),
        "confusion": confusion_matrix(labels, predicted, labels=every).tolist() if classes < 20 else None,
        "ece": float(ece), "bins": counts, "confidence": float(probability.max(1).mean()),
        "true_probability": np.exp(log_softmax(logits.astype(np.float64), axis=1)[np.arange(len(labels)), labels]).tolist(),
    }


def main():
    warnings.simplefilter("ignore")  # of classes without images
    random = np.random.default_rng(7)

    def drawn(images, classes, sure, without=()):
        labels = random.choice([c for c in range(classes) if c not in without], images)
        logits = random.normal(0, 1.5, (images, classes))
        logits[np.arange(images), labels] += sure
        return logits, labels

    logits, labels = drawn(240, 9, 2.5, without=[6])
    logits[:, 4] = -20  # never predicted
    sure = np.eye(3)[[0, 1, 2, 1]] * 40
    cases = [
        case("few", *drawn(200, 3, 2)), case("absent", logits, labels), case("many", *drawn(90, 60, 4)),
        case("perfect", sure, np.array([0, 1, 2, 1])), case("one image", np.array([[0.3, 0.2, 0.5, 0.1, 0.0, 0.4]]), np.array([0])),
        case("edges of bins", np.array([[0.0] * 5, [0.0] * 5, [0, 0, 0, -90, -90]]), np.array([0, 1, 0])),
    ]
    tests = [{"first": a, "second": b, "p": binomtest(min(a, b), a + b).pvalue if a + b else 1.0}
             for a, b in [(0, 0), (0, 1), (5, 5), (3, 11), (11, 3), (40, 62), (700, 812), (5000, 5000), (0, 2000)]]
    with open(OUT, "w") as f:
        json.dump({"cases": cases, "mcnemar": tests}, f)
        f.write("\n")


if __name__ == "__main__":
    main()
