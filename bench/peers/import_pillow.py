"""Time of the original project's way from picture files to pixels, by Pillow and NumPy: one JSON line { ms, cpu_ms } for
a picture.

python bench/peers/import_pillow.py --folder DIR --size N (pip install pillow numpy). Scales each JPEG of the folder to
cover the bucket of the nearest ratio, crops it about the centre, and saves RGB / 255 as float16 [3, height, width].
"""

import argparse
import json
import math
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

BUCKETS = [(1024, 1024), (832, 1216), (1216, 832), (768, 1280), (1280, 768), (704, 1344), (1344, 704)]
SIDE = 1024
QUANTUM = 8


def crop_to_bucket(path, buckets):
    with Image.open(path) as file:
        image = file.convert("RGB")
    width, height = image.size
    wide, high = min(buckets, key=lambda bucket: abs(bucket[0] / bucket[1] - width / height))
    scale = max(wide / width, high / height)
    size = math.ceil(width * scale), math.ceil(height * scale)
    if size != image.size:
        image = image.resize(size, Image.Resampling.BICUBIC)
    left, top = (size[0] - wide) // 2, (size[1] - high) // 2
    return image.crop((left, top, left + wide, top + high))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--size", type=int)
    options = parser.parse_args()
    paths = sorted(options.folder.glob("*.jpg"))
    buckets = [tuple(round(side * options.size / SIDE / QUANTUM) * QUANTUM for side in bucket) for bucket in BUCKETS]
    with tempfile.TemporaryDirectory(dir=options.folder) as out:
        start, used = time.perf_counter(), time.process_time()
        for path in paths:
            pixels = np.asarray(crop_to_bucket(path, buckets), dtype=np.float32) / 255
            array = np.ascontiguousarray(pixels.transpose(2, 0, 1).astype(np.float16))
            np.save(Path(out) / f"{path.stem}.npy", array)
        ms, cpu_ms = time.perf_counter() - start, time.process_time() - used
    print(json.dumps({"ms": 1000 * ms / len(paths), "cpu_ms": 1000 * cpu_ms / len(paths)}))


if __name__ == "__main__":
    main()
