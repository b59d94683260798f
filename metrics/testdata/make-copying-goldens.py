"""Writes copying.json beside it: authenticity, the test of data-copying, and cells of sets of features.

C_T is that of dgm-eval (layer6ai-labs/dgm-eval, commit 74c79f7, MIT licence), which has it from the authors' code
(casey-meehan/data-copying). Authenticity is computed in NumPy by its definition (arXiv 2102.08921), as AuthPct of
dgm-eval does in PyTorch. Cells are KMeans of scikit-learn.

Run: python3 metrics/testdata/make-copying-goldens.py path/to/dgm-eval
Made with numpy 2.4.6, scipy 1.17.1, scikit-learn 1.9.1.
"""

import importlib.util
import json
import os
import sys

import numpy as np
from scipy.stats import mannwhitneyu
from sklearn.cluster import KMeans

# The file alone: the package imports PyTorch.
spec = importlib.util.spec_from_file_location("ct", os.path.join(sys.argv[1], "dgm_eval", "metrics", "ct.py"))
ct = importlib.util.module_from_spec(spec)
spec.loader.exec_module(ct)
# It hands over columns, of which newer NumPy makes no number.
ct.mannwhitneyu = lambda x, y, **options: mannwhitneyu(x.ravel(), y.ravel(), **options)

random = np.random.default_rng(20)
DIM = 6
MIDDLES = random.normal(size=(3, DIM)) * 2


def draw(rows, scale=1.0, kinds=(0, 1, 2)):
    """Rows around three middles. Rounded to thousandths, so that the file stays small and exact."""
    near = MIDDLES[random.choice(kinds, rows)]
    return np.round(near + random.normal(size=(rows, DIM)) * scale, 3).astype(np.float32)


def authenticity(training, drawn):
    """A drawn row is authentic if its nearest training row is nearer to another training row than to it."""
    wide = [x.astype(np.float64) for x in (training, drawn)]
    between = np.linalg.norm(wide[0][:, None] - wide[0][None], axis=2)
    np.fill_diagonal(between, np.inf)
    across = np.linalg.norm(wide[0][:, None] - wide[1][None], axis=2)
    nearest = across.argmin(axis=0)
    return between.min(axis=0)[nearest] < across.min(axis=0)


def compare(name, drawn, least):
    wide = [x.astype(np.float64) for x in (training, held_out, drawn)]
    cells = [kmeans.predict(x) for x in wide]
    t, p, q = zip(wide, cells)
    score = ct.C_T(*p, *q, *t, tau=least / len(drawn))
    return {
        "name": name,
        "drawn": [round(float(x), 3) for x in drawn.ravel()],
        "cells": [int(x) for x in cells[2]],
        "least": least,
        "authentic": [int(x) for x in authenticity(training, drawn)],
        "score": float(score),
    }


training, held_out = draw(90), draw(60)
start = training[:3].astype(np.float64)
kmeans = KMeans(n_clusters=3, init=start, n_init=1, algorithm="lloyd", tol=0, max_iter=100)
kmeans.fit(training.astype(np.float64))
copies = np.round(training[random.permutation(90)[:40]] + random.normal(size=(40, DIM)) * 0.05, 3)
document = {
    "dim": DIM,
    "training": [round(float(x), 3) for x in training.ravel()],
    "held_out": [round(float(x), 3) for x in held_out.ravel()],
    "centers": kmeans.cluster_centers_.ravel().tolist(),
    "training_cells": kmeans.labels_.tolist(),
    "held_out_cells": [int(x) for x in kmeans.predict(held_out.astype(np.float64))],
    "sets": [
        compare("rows of the same distribution", draw(50), 5),
        compare("copies with a little noise", copies.astype(np.float32), 5),
        compare("exact copies", training[:40], 5),
        compare("rows that are too far away", draw(50, 1.8), 5),
        compare("rows of one cell, and few others", np.concatenate([draw(40, 1, (0,)), draw(6, 1, (1, 2))]), 10),
    ],
}

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "copying.json"), "w") as file:
    json.dump(document, file, separators=(",", ":"))
    file.write("\n")
