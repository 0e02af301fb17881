"""Makes runner/assess/testdata/several.json: figures of answers with any number of classes, by scikit-learn.

    python3 scripts/make_several_vectors.py > runner/assess/testdata/several.json

Probabilities are rounded to two digits, so that some are equal; class 3 has no image. Written with scikit-learn 1.9.1.
"""
import json
import sys

import numpy as np
from sklearn import metrics

rng = np.random.default_rng(4)
true = (rng.random((60, 5)) < [0.5, 0.2, 0.7, 0.0, 0.05]).astype(int)
true[7] = 0
score = np.round(np.clip(0.55 * true + 0.45 * rng.random((60, 5)) + 0.1 * rng.standard_normal((60, 5)), 0, 1), 2)
guess = (score >= 0.5).astype(int)
p, r, f, n = metrics.precision_recall_fscore_support(true, guess, zero_division=0)
with np.errstate(all="ignore"):
    average = [float(metrics.average_precision_score(true[:, c], score[:, c])) if n[c] else 0.0 for c in range(5)]
json.dump({
    "true": true.tolist(), "score": score.tolist(),
    "precision": p.tolist(), "recall": r.tolist(), "f1": f.tolist(), "images": n.tolist(), "average_precision": average,
    "map": float(metrics.average_precision_score(true[:, n > 0], score[:, n > 0], average="macro")),
    "micro_f1": float(metrics.f1_score(true, guess, average="micro")),
    "macro_f1": float(metrics.f1_score(true, guess, average="macro", zero_division=0)),
    "exact_match": float(metrics.accuracy_score(true, guess)),
}, sys.stdout)
