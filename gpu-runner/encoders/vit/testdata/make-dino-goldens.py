"""Writes the goldens beside it: DINOv3 and DINOv2 of Hugging Face transformers with small random weights, in f64.

Run from the root of the repository: python3 gpu-runner/encoders/vit/testdata/make-dino-goldens.py (needs torch,
transformers, safetensors, numpy; made with transformers 5.24.0 and torch 2.15.0). Results are stored as f32.

NAME.safetensors: `weights/<tensor>`: the weights, f16-exact, under the names of the files on the Hugging Face hub
  (`renamed`: those of transformers 5); `picture<i>` u8 [2, 3, height, width] and, of the picture / 255, normalized,
  `cls<i>` (the pooler's output), `patches<i>` [2, rows, columns, hidden] and `sum<i>` / `sum_cls<i>`: the sum of the
  last two layers' states, each through the final norm.
resize.safetensors: `plane` [1, 2, 9, 12] and `linear_HxW`, `cubic_HxW`, `smooth_HxW` (linear, antialiased),
  `smooth_cubic_HxW`: its other sizes.
"""

import os
import re

import numpy
import safetensors.numpy
import torch
from transformers import (
    DINOv3ViTConfig,
    DINOv3ViTModel,
    Dinov2Config,
    Dinov2Model,
    Dinov2WithRegistersConfig,
    Dinov2WithRegistersModel,
)

TARGET = os.path.dirname(os.path.abspath(__file__))
MEAN = torch.tensor([0.485, 0.456, 0.406], dtype=torch.float64).reshape(1, 3, 1, 1)
DEVIATION = torch.tensor([0.229, 0.224, 0.225], dtype=torch.float64).reshape(1, 3, 1, 1)

V3 = dict(hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=2, patch_size=4, image_size=16,
          num_register_tokens=4)
V2 = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, patch_size=4, image_size=16, mlp_ratio=2)


def save(name, tensors):
    arrays = {key: numpy.ascontiguousarray(x.detach().numpy()) for key, x in tensors.items()}
    floats = {key: x.astype("float32") if x.dtype == numpy.float64 else x for key, x in arrays.items()}
    safetensors.numpy.save_file(floats, os.path.join(TARGET, name + ".safetensors"))


def hub_name(name, tensors):
    """The name of a tensor in the files of the hub, from that of transformers 5."""
    name = re.sub(r"^model\.layer\.", "layer.", name)
    if name.startswith("encoder."):
        name = re.sub(r"attention\.(q|k|v)_proj", lambda m: "attention.attention." + {"q": "query", "k": "key", "v": "value"}[m[1]], name)
        name = name.replace("attention.o_proj", "attention.output.dense").replace("mlp.down_proj", "mlp.weights_out")
    return name


def to_hub(tensors):
    renamed = {}
    for name, tensor in tensors.items():
        if name.startswith("encoder.") and "mlp.up_proj" in name:
            continue
        if name.startswith("encoder.") and "mlp.gate_proj" in name:
            joined = torch.cat([tensor, tensors[name.replace("gate_proj", "up_proj")]], 0)
            renamed[name.replace("gate_proj", "weights_in")] = joined
            continue
        renamed[hub_name(name, tensors)] = tensor
    return renamed


def make(name, model, sizes, seed, renames=True):
    generator = torch.Generator().manual_seed(seed)
    model = model.double().eval()
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            spread = 1.0 if "token" in key or "position" in key else 0.5 if parameter.ndim == 1 else parameter[0].numel() ** -0.5
            drawn = torch.randn(parameter.shape, generator=generator, dtype=torch.float64) * spread
            if "norm" in key and "weight" in key or "lambda" in key:
                drawn = drawn + 1
            parameter.copy_(drawn.half().double())
    weights = {key: x.half() for key, x in model.state_dict().items() if "mask_token" not in key}
    tensors = {"weights/" + key: x for key, x in (to_hub(weights) if renames else weights).items()}
    patch = model.config.patch_size
    registers = getattr(model.config, "num_register_tokens", 0)
    norm = model.norm if hasattr(model, "norm") else model.layernorm
    for i, (height, width) in enumerate(sizes):
        picture = torch.randint(0, 256, (2, 3, height, width), generator=generator)
        with torch.no_grad():
            out = model((picture.double() / 255 - MEAN) / DEVIATION, output_hidden_states=True)
            summed = sum(norm(state) for state in out.hidden_states[-2:])
            assert torch.allclose(norm(out.hidden_states[-1]), out.last_hidden_state)
        rows, columns = height // patch, width // patch
        grid = lambda x: x[:, 1 + registers :].reshape(2, rows, columns, -1)
        tensors |= {
            f"picture{i}": picture.to(torch.uint8),
            f"cls{i}": out.pooler_output,
            f"patches{i}": grid(out.last_hidden_state),
            f"sum{i}": grid(summed),
            f"sum_cls{i}": summed[:, 0],
        }
    save(name, tensors)


make("dinov3", DINOv3ViTModel(DINOv3ViTConfig(**V3)), [(16, 16), (12, 20)], 1)
make("dinov3-gated", DINOv3ViTModel(DINOv3ViTConfig(**V3, key_bias=True, use_gated_mlp=True, hidden_act="silu")), [(20, 12)], 2, renames=False)
make("dinov2", Dinov2Model(Dinov2Config(**V2)), [(16, 16), (24, 12)], 3)
make("dinov2-registers", Dinov2WithRegistersModel(Dinov2WithRegistersConfig(**V2, num_register_tokens=4)), [(12, 12), (8, 24)], 4)
make("dinov2-swiglu", Dinov2Model(Dinov2Config(**V2, use_swiglu_ffn=True)), [(12, 16)], 5)

plane = torch.rand((1, 2, 9, 12), generator=torch.Generator().manual_seed(6), dtype=torch.float32)
resized = {"plane": plane}
for height, width in [(5, 7), (18, 12), (9, 31), (4, 24)]:
    for word, mode, smooth in [("linear", "bilinear", False), ("cubic", "bicubic", False), ("smooth", "bilinear", True), ("smooth_cubic", "bicubic", True)]:
        resized[f"{word}_{height}x{width}"] = torch.nn.functional.interpolate(
            plane, size=(height, width), mode=mode, align_corners=False, antialias=smooth)
save("resize", resized)
