"""Writes eigen.json beside it: eigenvalues and eigenvectors of small symmetric matrices by NumPy.

Run: python3 numerics/testdata/make-eigen-goldens.py (made with numpy 2.x)
"""

import json
import os

import numpy

random = numpy.random.default_rng(1)
full = random.normal(size=(9, 9)).round(3)
thin = random.normal(size=(3, 7)).round(3)
matrices = {"symmetric": (full + full.T).round(3), "of rank 3": (thin.T @ thin), "diagonal": numpy.diag([3.0, 1, 2, 7])}
cases = []
for name, matrix in matrices.items():
    values, vectors = numpy.linalg.eigh(matrix)
    cases.append({"name": name, "matrix": matrix.tolist(), "values": values[::-1].tolist(), "vectors": vectors.T[::-1].tolist()})
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "eigen.json"), "w") as file:
    file.write(json.dumps(cases) + "\n")
