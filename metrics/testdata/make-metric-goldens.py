"""Writes metrics.json beside it: distances of sets of features and of pictures by published implementations.

Run: python3 metrics/testdata/make-metric-goldens.py
Made with numpy 2.4.6, scipy 1.17.1, scikit-learn 1.9.1, scikit-image 0.26.0, torch 2.15.0, torchmetrics 1.9.0,
pytorch-fid 0.3.0, pytorch-msssim 1.0.0, prdc 0.2.
"""

import json
import os

import numpy as np
import torch
from prdc import compute_prdc
from pytorch_fid.fid_score import calculate_frechet_distance
from pytorch_msssim import ms_ssim, ssim
from pytorch_msssim.ssim import _fspecial_gauss_1d, _ssim
from scipy import stats
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from sklearn.neighbors import NearestNeighbors
from torchmetrics.image.kid import poly_mmd

random = np.random.default_rng(15)


def features(rows, dim, shift, scale):
    """Rounded to thousandths, so that the file stays small and exact."""
    mix = random.normal(size=(dim, dim)) / np.sqrt(dim)
    return np.round(random.normal(size=(rows, dim)) @ mix * scale + shift, 3).astype(np.float32)


def frechet(a, b):
    """In f64, from the eigenvalues of the product of the covariances."""
    first, second = (np.cov(x.astype(np.float64), rowvar=False) for x in (a, b))
    roots = np.sqrt(np.clip(np.linalg.eigvals(first @ second).real, 0, None)).sum()
    gap = a.mean(0, dtype=np.float64) - b.mean(0, dtype=np.float64)
    return float(gap @ gap + np.trace(first) + np.trace(second) - 2 * roots)


def compare_sets(name, a, b, k):
    wide = [x.astype(np.float64) for x in (a, b)]
    moments = [f(x) for x in wide for f in (lambda x: x.mean(0), lambda x: np.cov(x, rowvar=False))]
    distances, indexes = NearestNeighbors(n_neighbors=3, algorithm="brute").fit(wide[0]).kneighbors(wide[1])
    # torchmetrics divides by the rows of one set, so it is right for sets of equal size alone.
    rows = min(len(a), len(b))
    return {
        "name": name,
        "dim": a.shape[1],
        "a": [round(float(x), 3) for x in a.ravel()],
        "b": [round(float(x), 3) for x in b.ravel()],
        "k": k,
        "kernel": float(poly_mmd(*[torch.from_numpy(x[:rows]) for x in wide])),
        "frechet": frechet(a, b),
        "pytorch_fid": float(calculate_frechet_distance(*moments)) if len(a) > a.shape[1] else None,
        "manifold": {key: float(value) for key, value in compute_prdc(wide[0], wide[1], k).items()},
        "nearest": {"distances": distances.tolist(), "indexes": indexes.tolist()},
    }


def hashed(name, size):
    """As metrics/testing/hashed-picture.ts."""
    seed = 2166136261
    for byte in name.encode():
        seed = ((seed ^ byte) * 16777619) % 2**32
    x = (np.arange(size, dtype=np.uint64) * 2654435761 + seed) % 2**32
    for _ in range(2):
        x = ((x ^ (x >> 16)) * 0x45D9F3B) % 2**32
    return x ^ (x >> 16)


def picture(name, width, height, slope):
    """A slope of each colour under noise."""
    y, x, color = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    noise = hashed(name, width * height * 3).reshape(height, width, 3) % 48
    return ((x * slope + y * 2 + color * 40 + noise.astype(np.int64)) % 256).astype(np.uint8)


SHARES = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]


def scaled_ssim(x, y, shares):
    """Scale by scale, since ms_ssim of pytorch-msssim wants five; a row or column without a partner is left out."""
    window = _fspecial_gauss_1d(11, 1.5).repeat([3, 1, 1, 1])
    product = 1
    for scale, share in enumerate(shares):
        if scale > 0:
            x, y = (torch.nn.functional.avg_pool2d(z, 2) for z in (x, y))
        whole, contrast = _ssim(x, y, 255, window)
        product = product * torch.relu(whole if scale == len(shares) - 1 else contrast) ** share
    return float(product.mean())


def compare_pictures(width, height, slopes):
    a, b = (picture(name, width, height, slope) for name, slope in zip(("first", "second"), slopes))
    tensors = [torch.from_numpy(x.astype(np.float64)).permute(2, 0, 1)[None] for x in (a, b)]
    scales = next(n for n in range(5, 0, -1) if min(width, height) >> (n - 1) >= 11)
    shares = np.array(SHARES[:scales]) / sum(SHARES[:scales])
    even = width % 16 == 0 and height % 16 == 0 and min(width, height) >= 176
    return {
        "width": width,
        "height": height,
        "slopes": slopes,
        "psnr": float(peak_signal_noise_ratio(a, b, data_range=255)),
        "ssim": float(
            structural_similarity(
                a, b, data_range=255, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
            )
        ),
        "pytorch_ssim": float(ssim(*tensors, data_range=255)),
        "ms_ssim": scaled_ssim(*tensors, shares),
        "pytorch_ms_ssim": float(ms_ssim(*tensors, data_range=255)) if even else None,
        "scales": scales,
    }


def interval(values, other=None):
    data = (values,) if other is None else (values, other)
    mean = (lambda x, axis: x.mean(axis)) if other is None else (lambda x, y, axis: (x - y).mean(axis))
    found = stats.bootstrap(
        data, mean, n_resamples=100_000, paired=other is not None, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    return {"low": float(found.low), "high": float(found.high)}


def unpaired(values, other):
    found = stats.bootstrap(
        (values, other),
        lambda x, y, axis: x.mean(axis) - y.mean(axis),
        n_resamples=100_000,
        paired=False,
        method="percentile",
        rng=np.random.default_rng(1),
    ).confidence_interval
    return {"low": float(found.low), "high": float(found.high)}


scores = np.round(random.gamma(2.0, 1.0, 30), 3)
others = np.round(scores + random.normal(0.2, 0.4, 30), 3)
document = {
    "sets": [
        compare_sets("more rows than numbers", features(40, 8, 0, 1), features(32, 8, 0.4, 1.3), 5),
        compare_sets("fewer rows than numbers", features(9, 16, 0, 1), features(12, 16, -0.3, 0.8), 3),
        compare_sets("more rows in one set alone", features(30, 12, 1, 1), features(10, 12, 0.5, 2), 4),
    ],
    "pictures": [
        compare_pictures(176, 192, [1, 1]),
        compare_pictures(192, 176, [1, 2]),
        compare_pictures(101, 67, [1, 1]),
        compare_pictures(40, 30, [1, 2]),
        compare_pictures(16, 12, [1, 1]),
    ],
    "scores": {
        "values": scores.tolist(),
        "others": others.tolist(),
        "percentiles": {str(q): float(np.percentile(scores, q)) for q in (0, 2.5, 31, 50, 97.5, 100)},
        "sd": float(scores.std(ddof=1)),
        "mean": interval(scores),
        "difference": interval(scores, others),
        "unpaired": unpaired(scores, others[:20]),
    },
}

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "metrics.json"), "w") as file:
    json.dump(document, file, separators=(",", ":"))
    file.write("\n")
