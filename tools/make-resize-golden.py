"""Writes gpu-runner/training/testdata/resize-golden.json: grey pictures that Pillow's bicubic filter has resized.

python3 tools/make-resize-golden.py (needs Pillow)
"""

import json
from pathlib import Path

from PIL import Image

OUT = Path(__file__).parent.parent / "gpu-runner/training/testdata/resize-golden.json"
WIDTH, HEIGHT = 24, 20
SIZES = [(12, 10), (16, 12), (8, 20), (23, 5)]

pixels = bytes((7 * x * x + 31 * y + 13 * x * y) % 256 for y in range(HEIGHT) for x in range(WIDTH))
picture = Image.frombytes("L", (WIDTH, HEIGHT), pixels)
cases = [
    {"width": w, "height": h, "pixels": list(picture.resize((w, h), Image.Resampling.BICUBIC).tobytes())}
    for w, h in SIZES
]
OUT.parent.mkdir(exist_ok=True)
OUT.write_text(json.dumps({"width": WIDTH, "height": HEIGHT, "pixels": list(pixels), "cases": cases}) + "\n")
