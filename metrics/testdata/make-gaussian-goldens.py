"""Prints the numbers of metrics/gaussian-distance.test.ts: CMMD as its authors define it, in NumPy.

Run: python3 metrics/testdata/make-gaussian-goldens.py
Made with numpy 2.4.6. The definition is that of arXiv 2401.09603: rows of length 1, a Gaussian kernel of sigma 10, the
estimate with pairs of a row with itself, times 1000.
"""

import numpy as np


def features(rows, dim, seed):
    """As metrics/gaussian-distance.test.ts."""
    i, k = np.meshgrid(np.arange(rows), np.arange(dim), indexing="ij")
    return np.sin(seed + 1.7 * i + 0.3 * k * k + 0.01 * i * k).astype(np.float32).astype(np.float64)


def distance(x, y):
    x, y = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (x, y))
    gamma = 1 / (2 * 10**2)

    def kernel(a, b):
        squares = (a**2).sum(1)[:, None] + (b**2).sum(1)[None, :] - 2 * a @ b.T
        return np.exp(-gamma * squares).mean()

    return 1000 * (kernel(x, x) + kernel(y, y) - 2 * kernel(x, y))


print(distance(features(130, 24, 1), features(77, 24, 5)))
print(distance(features(9, 512, 2), features(40, 512, 3)))
