"""Writes clip.safetensors beside this file: a small CLIPModel of transformers with random weights, what it makes of
pictures and texts, and how its image processor sees a picture.

Run from the root of the repository: python gpu-runner/encoders/clip/testdata/make-clip-goldens.py (needs torch,
transformers, safetensors; made with torch 2.15.0, transformers 5.24.0). Computed in f64, stored as f32.

Tensors: those of the model under their names in the file of the Hub; `golden.picture0` u8 [3, 24, 24], the size of the
network, and `golden.picture1` u8 [3, 40, 56]; `golden.image<k>`: their embeddings [12], the second resized and cropped
in floats; `golden.processed1`: the same by CLIPImageProcessor, which rounds to whole levels; `golden.ids<k>` and
`golden.text<k>`: tokens, and the embedding of the text.
"""

import os

import numpy
import safetensors.torch
import torch
import torch.nn.functional as F
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

SIDE, PATCH = 24, 8
MEAN, STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]

torch.manual_seed(20261127)
parts = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}
config = CLIPConfig(
    text_config={**parts, "vocab_size": 50, "max_position_embeddings": 14, "bos_token_id": 48, "eos_token_id": 49},
    vision_config={**parts, "image_size": SIDE, "patch_size": PATCH},
    projection_dim=12,
)
model = CLIPModel(config).eval()
for name, x in model.named_parameters():
    x.data.normal_(0, 1 if x.dim() == 0 else 0.3)
    if "norm" in name and name.endswith("weight"):
        x.data.add_(1)
tensors = {name: x.clone().contiguous() for name, x in model.state_dict().items()}
model = model.double()
golden = {}


def embed(pixels):
    levels = (pixels.double() / 255 - torch.tensor(MEAN).double().reshape(3, 1, 1)) / torch.tensor(STD).double().reshape(3, 1, 1)
    out = model.vision_model(pixel_values=levels[None])
    return model.visual_projection(out.pooler_output)[0]


with torch.no_grad():
    small = torch.randint(0, 256, (3, SIDE, SIDE), dtype=torch.uint8)
    # Smooth, so that the rounding of the processor stays small.
    coarse = torch.randint(0, 256, (1, 3, 5, 7)).double()
    large = F.interpolate(coarse, size=(40, 56), mode="bilinear").round().to(torch.uint8)[0]
    golden["picture0"], golden["picture1"] = small, large
    golden["image0"] = embed(small)
    scaled = F.interpolate(large[None].double(), size=(24, 33), mode="bicubic", antialias=True)[0]
    golden["image1"] = embed(scaled[:, :, 4 : 4 + SIDE])
    processor = CLIPImageProcessor(size={"shortest_edge": SIDE}, crop_size=SIDE)
    levels = processor(large.numpy().transpose(1, 2, 0), return_tensors="pt")["pixel_values"].double()
    out = model.vision_model(pixel_values=levels)
    golden["processed1"] = model.visual_projection(out.pooler_output)[0]
    for k, words in enumerate([[3, 1, 4, 1, 5, 9, 2, 6], [27, 18], list(range(2, 14))]):
        ids = torch.tensor([[48, *words, 49]])
        out = model.text_model(input_ids=ids)
        golden[f"ids{k}"] = ids[0].int()
        golden[f"text{k}"] = model.text_projection(out.pooler_output)[0]

floats = {f"golden.{name}": x.float() if x.is_floating_point() else x for name, x in golden.items()}
kept = {name: x for name, x in tensors.items() if not name.endswith("position_ids")}
target = os.path.join(os.path.dirname(os.path.abspath(__file__)), "clip.safetensors")
safetensors.torch.save_file({**kept, **{k: v.contiguous() for k, v in floats.items()}}, target)
print("\n".join(f"{k} {tuple(v.shape)}" for k, v in kept.items()))
