"""Processor time of a distance of two sets of features by NumPy, SciPy and scikit-learn: one JSON line { ms, cpu_ms }.

python bench/peers/distances_numpy.py --distance kernel|subsets|frechet|manifold|nearest --rows N --dim N
(pip install numpy scipy scikit-learn). Features are random normals in f64.
"""

import argparse
import json
import time

import numpy as np
from scipy.linalg import sqrtm
from sklearn.metrics import pairwise_distances
from sklearn.neighbors import NearestNeighbors


def kernel(a, b):
    def k(x, y):
        return (x @ y.T / x.shape[1] + 1) ** 3

    def within(x):
        matrix = k(x, x)
        return (matrix.sum() - np.trace(matrix)) / (len(x) * (len(x) - 1))

    return within(a) + within(b) - 2 * k(a, b).mean()


def subsets(a, b):
    random = np.random.default_rng(0)
    size = min(1000, len(a) // 2)
    return np.mean([kernel(*(x[random.permutation(len(x))[:size]] for x in (a, b))) for _ in range(100)])


def frechet(a, b):
    first, second = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    gap = a.mean(0) - b.mean(0)
    return gap @ gap + np.trace(first) + np.trace(second) - 2 * np.trace(sqrtm(first @ second)).real


def manifold(real, fake):
    """As prdc: three matrices of distances."""

    def radii(x):
        return np.partition(pairwise_distances(x), 5, axis=1)[:, 5]

    across = pairwise_distances(real, fake)
    return (across < radii(real)[:, None]).sum(axis=0).mean() / 5 + (across < radii(fake)).any(axis=1).mean()


def nearest(a, b):
    return NearestNeighbors(n_neighbors=2, algorithm="brute").fit(b).kneighbors(a)[0][0, 0]


def main():
    distances = {"kernel": kernel, "subsets": subsets, "frechet": frechet, "manifold": manifold, "nearest": nearest}
    parser = argparse.ArgumentParser()
    parser.add_argument("--distance", choices=distances)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--dim", type=int)
    options = parser.parse_args()
    random = np.random.default_rng(1)
    a, b = (random.normal(size=(options.rows, options.dim)) for _ in range(2))
    start, used = time.perf_counter(), time.process_time()
    distances[options.distance](a, b)
    print(json.dumps({"ms": 1000 * (time.perf_counter() - start), "cpu_ms": 1000 * (time.process_time() - used)}))


main()
