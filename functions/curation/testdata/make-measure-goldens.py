"""Measures of drawn pictures by NumPy, for measure-pixels.test.ts. Run: python make-measure-goldens.py (NumPy)."""
import json
from pathlib import Path

import numpy as np


def draw(width, height, contrast):
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    fold = lambda v, period: np.abs((v % period) * 2 - period) * 255 // period
    red, green = fold(x * 3 + y, 197), fold(y * 2 + x * x // 64, 331)
    blue = np.where((x // 5 + y // 5) % 2 == 0, fold(x + y, 61), 255 - fold(y, 43))
    rgb = np.stack([red, green, blue], axis=-1)
    return np.clip((rgb - 128) * contrast + 128, 0, 255).astype(np.uint8)


def measure(rgb):
    grey = rgb.astype(np.float64) @ np.array([0.299, 0.587, 0.114])
    inner = grey[1:-1, 1:-1]
    laplacian = grey[1:-1, :-2] + grey[1:-1, 2:] + grey[:-2, 1:-1] + grey[2:, 1:-1] - 4 * inner
    return {
        "blur": float(laplacian.var()),
        "dark": float((grey <= 4).mean()),
        "bright": float((grey >= 251).mean()),
        "brightness": float(grey.mean() / 255),
    }


cases = [(40, 30, 1), (31, 50, 3), (3, 3, 1), (64, 64, 9)]
rows = [{"width": w, "height": h, "contrast": c, "measures": measure(draw(w, h, c))} for w, h, c in cases]
(Path(__file__).parent / "measures.json").write_text(json.dumps(rows) + "\n")
