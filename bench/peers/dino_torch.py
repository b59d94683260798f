"""Time of one forward pass of a DINO by Hugging Face transformers, as JSON lines { mode, version, params, ms }.

python bench/peers/dino_torch.py --config JSON [--threads N] [--runs N]      (pip install torch transformers)
JSON: { hidden, blocks, heads, patch, epsilon, rotary, batch, height, width }: pictures of height x width pixels.
"""

import argparse
import json
import math
import time

import torch
from transformers import DINOv3ViTConfig, DINOv3ViTModel, Dinov2Config, Dinov2Model


def build(config):
    common = {
        "hidden_size": config["hidden"],
        "num_hidden_layers": config["blocks"],
        "num_attention_heads": config["heads"],
        "patch_size": config["patch"],
        "layer_norm_eps": config["epsilon"],
    }
    if config["rotary"]:
        inner = 4 * config["hidden"]
        return DINOv3ViTModel(DINOv3ViTConfig(**common, intermediate_size=inner, num_register_tokens=4))
    return Dinov2Model(Dinov2Config(**common, image_size=518, use_mask_token=False))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=json.loads)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    config = options.config
    model = build(config).eval()
    pictures = torch.rand(config["batch"], 3, config["height"], config["width"])
    params = sum(p.numel() for p in model.parameters())
    for mode in ("eager", "autocast-bf16"):
        best = math.inf
        with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=mode == "autocast-bf16"):
            for run in range(options.runs + 1):
                start = time.perf_counter()
                model(pictures)
                # The first run warms up.
                best = min(best, math.inf if run == 0 else time.perf_counter() - start)
        print(json.dumps({"mode": mode, "version": torch.__version__, "params": params, "ms": best * 1000}), flush=True)


main()
