"""Writes gpu-runner/training/losses/testdata/repa.safetensors: the loss `repa` and its gradients by PyTorch.

Run from the root of the repository: python3 tools/make-repa-goldens.py (needs torch, numpy and safetensors; made with
torch 2.15.0). PyTorch computes in f64. Of each case the file has, as f32: tokens [2, 8, 6] on a grid of 2 x 4, the
teacher's features, the weights of the adapter, the loss of each sample, and the gradients of their sum by tokens and
weights. In the case `routed` only the tokens KEPT go through the block.
"""

import os

import numpy
import safetensors.numpy
import torch
import torch.nn.functional as F

TARGET = os.path.join("gpu-runner", "training", "losses", "testdata")
ROWS, COLUMNS, HIDDEN, WIDTH, DIM = 2, 4, 6, 5, 3
KEPT = torch.tensor([[5, 0, 3], [1, 2, 7]])
generator = torch.Generator().manual_seed(20260202)


def normal(*shape):
    """Numbers that f32 holds exactly, in f64."""
    return torch.randn(*shape, generator=generator).double()


def resize(x, rows, columns):
    """[batch, rows, columns, dim] -> another grid: means of whole cells, or bilinear."""
    x = x.permute(0, 3, 1, 2)
    if x.shape[2] % rows == 0 and x.shape[3] % columns == 0:
        x = F.adaptive_avg_pool2d(x, (rows, columns))
    else:
        x = F.interpolate(x, (rows, columns), mode="bilinear", align_corners=False)
    return x.permute(0, 2, 3, 1)


def adapt(x, w):
    if "in" not in w:
        return x @ w["out"]
    x = F.silu(x @ w["in"] + w["in_bias"])
    x = F.silu(x @ w["mid"] + w["mid_bias"])
    return x @ w["out"] + w["out_bias"]


def distance(loss_type, a, b):
    return 1 - F.cosine_similarity(a, b, dim=-1) if loss_type == "cosine" else (a - b).square().mean(-1)


def mlp():
    shapes = {"in": (HIDDEN, WIDTH), "mid": (WIDTH, WIDTH), "out": (WIDTH, DIM)}
    return {name: normal(*shape) for name, shape in shapes.items()} | {f"{name}_bias": normal(shape[1]) for name, shape in shapes.items()}


def case(tensors, name, loss_type, grid, cells, w, kept=None):
    tokens, teacher = normal(2, ROWS * COLUMNS, HIDDEN), normal(2, *cells, DIM)
    inputs = {"tokens": tokens} | w
    for x in inputs.values():
        x.requires_grad_()
    guess = adapt(tokens, w)
    if grid == "tokens":
        target = resize(teacher, ROWS, COLUMNS).flatten(1, 2)
    else:
        guess, target = resize(guess.unflatten(1, (ROWS, COLUMNS)), *cells).flatten(1, 2), teacher.flatten(1, 2)
    distances = distance(loss_type, guess, target)
    if kept is not None:
        distances = distances.gather(1, kept)
    loss = distances.mean(1)
    gradients = torch.autograd.grad(loss.sum(), list(inputs.values()))
    parts = {"teacher": teacher, "loss": loss} | inputs | {f"grad.{key}": g for key, g in zip(inputs, gradients)}
    tensors.update({f"{name}/{key}": x.detach().numpy().astype("float32") for key, x in parts.items()})


def main():
    tensors = {}
    case(tensors, "finer", "cosine", "tokens", (4, 8), mlp())
    case(tensors, "coarser", "mse", "tokens", (1, 2), {"out": normal(HIDDEN, DIM)})
    case(tensors, "teacher", "cosine", "teacher", (4, 8), mlp())
    case(tensors, "routed", "cosine", "tokens", (2, 4), mlp(), KEPT)
    os.makedirs(TARGET, exist_ok=True)
    tensors = {name: numpy.ascontiguousarray(x) for name, x in sorted(tensors.items())}
    safetensors.numpy.save_file(tensors, os.path.join(TARGET, "repa.safetensors"))


if __name__ == "__main__":
    main()
