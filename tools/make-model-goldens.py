"""Writes gpu-runner/model/testdata/nets.json.golden: predictions, losses and gradients of whole networks by PyTorch.

Run from the root of the repository: python3 tools/make-model-goldens.py (needs torch and numpy; made with torch 2.15.0).
torch_net.py has the network. Parameters and inputs are not stored: both sides make them by `numbers`. Of each result the file has
its norm, and its products with two rows of such numbers (`digest`). A new case is a row of CASES; a new loss a row of LOSSES.
"""

import json
import math
import os

import torch
import torch.nn.functional as F
from torch_net import SIGNALS, Net, f32, numbers

TARGET = os.path.join("gpu-runner", "model", "testdata", "nets.json.golden")

def digest(name, x):
    flat = x.detach().reshape(-1)
    return [float(flat.norm())] + [float(flat @ numbers(f"{row} {name}", flat.numel())) for row in ("first", "second")]


# --- The batch: all signals, each one dropped, none --------------------------------------------------------------------

BATCH = 6
TEXT_LENGTHS = [8, 3, 5, 1, 7, 0]


def inputs(model, height, width, text_tokens):
    v = lambda name, *shape: numbers(name, math.prod(shape)).reshape(shape)
    pixels = (BATCH, 3, height, width)
    feeds = {"x0": v("x0", *pixels), "noise": f32(1.7 * v("noise", *pixels))}
    feeds |= {"t": f32(0.5 + 0.45 * v("t", BATCH)), "share": f32(0.25 + 0.1 * v("share", BATCH))}
    known = model["conditions"]
    shapes = {
        "text": lambda c: (text_tokens, c["dim"]),
        "cls": lambda c: (c["dim"],),
        "patches": lambda c: (height // c["stride"], width // c["stride"], c["dim"]),
        "pose": lambda c: (133, 3),
    }
    for index, name in enumerate(SIGNALS):
        if name not in known:
            continue
        value = f32(1.7 * v(name, BATCH, *shapes[name](known[name])))
        if name == "pose":
            value = v(name, BATCH, 133, 3)
            value[..., 2] = f32(0.5 + 0.5 * value[..., 2])
        feeds[name] = value
        feeds[f"keep_{name}"] = torch.tensor([float(i not in (index + 1, BATCH - 1)) for i in range(BATCH)])
    if "patches" in known:
        stride, dim = known["patches"]["stride"], known["patches"]["dim"]
        feeds["column_patches"] = f32(1.7 * v("column_patches", BATCH, height // stride, width // stride, dim))
    if "text" in known:
        feeds["text_mask"] = (torch.arange(text_tokens)[None] < torch.tensor(TEXT_LENGTHS)[:, None]).double()
    return feeds


# --- Losses ------------------------------------------------------------------------------------------------------------


def flow_matching(net, prediction, feeds, objective):
    """[batch]"""
    scale = objective.get("noise_scale", 1)
    if objective.get("prediction_type") == "v_prediction":
        return ((prediction - (scale * feeds["noise"] - feeds["x0"])) ** 2).mean((1, 2, 3))
    clamped = feeds["t"].clamp(min=float(f32(objective.get("t_clamp", 0.2))))
    return ((prediction - feeds["x0"]) ** 2).mean((1, 2, 3)) / clamped**2


def repa(net, prediction, feeds, options):
    """1 - the cosine of a linear map of the tokens and the features of the column, where the patches are dropped."""
    block = options["block_index"]
    tokens, features = net.taps[block], feeds["column_patches"].flatten(1, 2)
    if net.routes[block] is not None:
        place = net.routes[block][..., None]
        tokens = tokens.gather(1, place.expand(-1, -1, tokens.shape[-1]))
        features = features.gather(1, place.expand(-1, -1, features.shape[-1]))
    distances = 1 - F.cosine_similarity(net.linear(tokens, "repa.out", features.shape[-1]), features, -1)
    return distances.mean(1) * (1 - feeds["keep_patches"])


LOSSES = {"flow_matching": flow_matching, "repa": repa}

# --- Cases -------------------------------------------------------------------------------------------------------------

SIZES = {"hidden_size": 16, "depth": 2, "num_heads": 2, "patch_size": 4, "patch_overlap": 1, "bottleneck": 8}
TEXT = {"encoder": "words", "dim": 6, "tokens": 9}
CLS = {"encoder": "dct", "dim": 5}
PATCHES = {"encoder": "dct", "dim": 3, "stride": 4}
POSE = {"joints": 133}
ALL = {"text": TEXT, "cls": CLS, "patches": PATCHES, "pose": POSE}
ORIGINAL = {
    "arch": "cross", "patch_overlap": 0, "bottleneck": 0, "mlp_ratio": 4, "adaln": "full", "position": "sincos", "qk_norm": False,
    "norm": "layer", "mlp": "gelu", "adaln_gates": False, "head": "plain", "output_conv": True, "context_norm": "none",
    "projection_bias": True, "nulls": "input", "null_tokens": "all", "cls_token": "conditioning", "text": {"position": False},
    "patches": {"mode": "cross", "position": False}, "pose": {"embedding": "mlp", "null_pose": "attended", "position": False},
}  # fmt: skip
CASES = {
    "joint": {"model": {"adaln": "lowrank", "adaln_rank": 4, "tokens_per_side": 4, "conditions": ALL}},
    "joint without signals": {"model": {"conditions": {}}},
    "joint of text": {"model": {"conditions": {"text": TEXT}}, "objective": {"prediction_type": "v_prediction", "noise_scale": 1.5}},
    "joint with registers": {
        "model": {
            "registers": {"count": 3, "block": 1}, "size_embedding": True, "output_conv": True, "norm": "layer",
            "patches": {"mode": "both"}, "conditions": ALL | {"patches": PATCHES | {"stride": 2, "norm": "none"}, "cls": CLS | {"norm": "rms"}},
        },
    },
    "joint with sines": {
        "model": {
            "position": "sincos", "patches": {"mode": "cross"}, "null_tokens": "all", "adaln_gates": False, "head": "plain",
            "projection_bias": True, "registers": {"count": 2}, "tokens_per_side": 4, "conditions": ALL,
            "pose": {"embedding": "mlp", "null_pose": "attended"},
        },
    },
    "joint with TREAD and REPA": {
        "model": {"depth": 3, "registers": {"count": 2, "block": 1}, "tokens_per_side": 4, "conditions": ALL},
        "objective": {
            "tread": {"first_block": 1, "last_block": 1, "routing_probability": 0.5},
            "losses": {"flow_matching": {"weight": 1}, "repa": {"weight": 0.5, "block_index": 1, "adapter": "linear", "column": PATCHES}},
        },
        "route": {"first": 1, "last": 1, "kept": 12},
    },
    "cross": {"model": {"arch": "cross", "adaln": "full", "tokens_per_side": 6, "conditions": ALL | {"patches": PATCHES | {"stride": 8}}}},
    "cross with added patches": {
        "model": {
            "arch": "cross", "patches": {"mode": "spatial_add"}, "pose": {"position": False, "joint_embeddings": False},
            "qk_norm": False, "mlp": "gelu", "context_norm": "layer", "registers": {"count": 2, "block": 0}, "conditions": ALL,
        },
    },
    "the original": {"model": ORIGINAL | {"conditions": ALL}},
    "the original, mended": {
        "model": ORIGINAL | {
            "adaln_gates": True, "head": "modulated", "context_norm": "rms", "null_tokens": "one", "text": {}, "conditions": ALL,
            "patches": {"mode": "cross"}, "pose": {"embedding": "mlp", "null_pose": "attended"},
        },
    },
}  # fmt: skip
SHAPE = {"height": 16, "width": 24, "textTokens": 8}


def make_route(route, model):
    """The places of the smallest numbers of each sample, in order."""
    tokens = SHAPE["height"] * SHAPE["width"] // model["patch_size"] ** 2
    order = numbers("route", BATCH * tokens).reshape(BATCH, tokens).argsort(1)
    indices = order[:, : route["kept"]].sort(1).values
    return lambda layer: indices if route["first"] <= layer <= route["last"] else None


def run(case):
    model, objective = SIZES | case["model"], case.get("objective", {})
    feeds = inputs(model, SHAPE["height"], SHAPE["width"], SHAPE["textTokens"])
    net = Net(model)
    t = feeds["t"][:, None, None, None]
    z = (1 - t) * feeds["x0"] + t * objective.get("noise_scale", 1) * feeds["noise"]
    route = case.get("route")
    prediction = net(z, feeds["t"], feeds, make_route(route, net.model) if route else lambda layer: None)
    terms = objective.get("losses", {"flow_matching": {"weight": 1}})
    losses = {name: LOSSES[name](net, prediction, feeds, objective | terms[name]) for name in terms}
    total = sum(terms[name]["weight"] * loss for name, loss in losses.items())
    gradients = torch.autograd.grad((total * feeds["share"]).sum(), list(net.params.values()))
    return {
        "model": model,
        "objective": objective,
        **({"route": route} if route else {}),
        "predictions": [digest("prediction", sample) for sample in prediction],
        "losses": {name: loss.tolist() for name, loss in losses.items()},
        "gradients": {name: {"shape": list(g.shape), "digest": digest(name, g)} for name, g in zip(net.params, gradients)},
    }


def rounded(x):
    if isinstance(x, float):
        return float(f"{x:.8g}")
    if isinstance(x, dict):
        return {key: rounded(value) for key, value in x.items()}
    return [rounded(value) for value in x] if isinstance(x, list) else x


if __name__ == "__main__":
    os.makedirs(os.path.dirname(TARGET), exist_ok=True)
    document = {"shape": {"batch": BATCH} | SHAPE, "cases": {name: rounded(run(case)) for name, case in CASES.items()}}
    with open(TARGET, "w") as file:
        file.write(json.dumps(document, separators=(",", ":")) + "\n")
