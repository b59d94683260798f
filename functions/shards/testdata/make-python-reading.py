"""Reads shard-000000.tar beside it with webdataset and numpy, and writes what they found into read-by-python.json.

node tools/make-shard-golden.ts writes the tar. Then:
python functions/shards/testdata/make-python-reading.py, and npm run format
"""

import hashlib
import json
import pathlib

import numpy as np
import webdataset as wds

here = pathlib.Path(__file__).parent
samples = []
exact = True
for sample in wds.WebDataset(str(here / "shard-000000.tar"), shardshuffle=False).decode():
    arrays = {}
    for name, value in sample.items():
        if name.endswith(".npy"):
            assert isinstance(value, np.ndarray), name
            digest = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
            arrays[name] = {"dtype": str(value.dtype), "shape": list(value.shape), "sha256": digest}
    pixels = sample["image.npy"]
    steps = np.rint(pixels.astype(np.float32) * 255).astype(np.uint8)
    exact = exact and np.array_equal((steps.astype(np.float32) / 255).astype(np.float16), pixels)
    samples.append({"key": sample["__key__"], "caption": sample["json"]["caption"], "arrays": arrays})

brightness = "equal to (uint8 / 255).astype(float16)" if exact else "different"
(here / "read-by-python.json").write_text(
    json.dumps({"webdataset": wds.__version__, "brightness": brightness, "samples": samples}, indent=1) + "\n"
)
print(f"{len(samples)} samples, brightness {brightness}")
