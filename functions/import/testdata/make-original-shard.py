"""Writes original-shard.tar: three samples as the original project's script writes them, by tarfile and numpy.

Patches begin with four registers and lack the last four patches, as there. One id has dots.
python functions/import/testdata/make-original-shard.py
"""

import io
import json
import pathlib
import tarfile

import numpy as np

WIDTH, HEIGHT, STRIDE, DIM, TOKENS = 64, 48, 16, 8, 16
rng = np.random.default_rng(1)


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


registers = 3 * rng.standard_normal((4, DIM))
shared = rng.standard_normal(DIM)
with tarfile.open(pathlib.Path(__file__).parent / "original-shard.tar", "w") as tar:
    for number, key in enumerate(["00001", "a.b.c", "zebra"]):
        pixels = rng.integers(0, 256, (3, HEIGHT, WIDTH), dtype=np.uint8)
        cells = (HEIGHT // STRIDE) * (WIDTH // STRIDE)
        patches = shared + 0.2 * rng.standard_normal((cells, DIM))
        stored = np.concatenate([registers + 0.1 * rng.standard_normal((4, DIM)), patches])[:cells].astype(np.float32)
        tokens = 5 + number
        mask = np.zeros(TOKENS, np.uint8)
        mask[:tokens] = 1
        pose = rng.standard_normal((133, 3)).astype(np.float16)
        record = {
            "image_id": key,
            "image_path": f"data/approved/{key}.jpg",
            "caption": f"caption {number}",
            "t5_attention_mask": [int(each) for each in mask],
            "width": 640,
            "height": 480,
            "aspect_bucket": f"{WIDTH}x{HEIGHT}",
            "format_version": 2,
        }
        members = {
            "json": (json.dumps(record, ensure_ascii=False, sort_keys=True) + "\n").encode(),
            "dinov3.npy": npy(rng.standard_normal(DIM).astype(np.float32)),
            "dinov3_patches.npy": npy(stored),
            "t5h.npy": npy(rng.standard_normal((TOKENS, DIM)).astype(np.float16)),
            "pose.npy": npy(pose),
            "t5m.npy": npy(mask),
            "image.npy": npy((pixels.astype(np.float32) / 255).astype(np.float16)),
        }
        for suffix, data in members.items():
            info = tarfile.TarInfo(f"{key}.{suffix}")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
