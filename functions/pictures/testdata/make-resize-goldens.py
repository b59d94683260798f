"""Pictures scaled and cropped by Pillow, for image-pillow.test.ts. Run: python make-resize-goldens.py (Pillow, NumPy).

The source pictures are drawn by a formula of whole numbers that the test repeats. Each golden is what the original
project's load_bucketed_image makes of one: scale = max(bw / w, bh / h), sides rounded up, the filter of Pillow, and the
middle of the result, rounded down.
"""
import io
import json
import math
from pathlib import Path

import numpy as np
import PIL
from PIL import Image

FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "linear": Image.Resampling.BILINEAR,
    "cubic": Image.Resampling.BICUBIC,
    "lanczos3": Image.Resampling.LANCZOS,
}
# width, height, bucket width, bucket height
CASES = [(300, 200, 80, 56), (301, 203, 64, 64), (900, 1300, 56, 80), (50, 40, 64, 64), (64, 64, 64, 64), (40, 61, 48, 80)]


def draw(width, height):
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    fold = lambda v, period: np.abs((v % period) * 2 - period) * 255 // period
    red = fold(x * 3 + y, 997)
    green = fold(y * 2 + x * x // 512, 331)
    blue = np.where((x // 24 + y // 24) % 2 == 0, fold(x + y, 461), 255 - fold(y, 343))
    return np.stack([red, green, blue], axis=-1).astype(np.uint8)


def cover(image, bw, bh, resample):
    w, h = image.size
    s = max(bw / w, bh / h)
    nw, nh = math.ceil(w * s), math.ceil(h * s)
    if (nw, nh) != (w, h):
        image = image.resize((nw, nh), resample)
    left, top = (nw - bw) // 2, (nh - bh) // 2
    return image.crop((left, top, left + bw, top + bh))


here = Path(__file__).parent
pixels = bytearray()
rows = []
for name, resample in FILTERS.items():
    for w, h, bw, bh in CASES:
        made = np.asarray(cover(Image.fromarray(draw(w, h)), bw, bh, resample))
        rows.append({"filter": name, "width": w, "height": h, "bucket": [bw, bh], "offset": len(pixels)})
        # Every third row: the test compares those.
        pixels += made[::3].tobytes()
sheet = np.frombuffer(bytes(pixels), dtype=np.uint8)
np.save(here / "pillow-resize.npy", sheet)
(here / "pillow-resize.json").write_text(json.dumps({"pillow": PIL.__version__, "every": 3, "rows": rows}) + "\n")
