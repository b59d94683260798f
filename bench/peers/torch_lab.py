"""The lab network of bench/lab-net.ts in PyTorch: time of one forward and backward pass, as JSON lines { mode, version, ms }.

python bench/peers/torch_lab.py [--threads N] [--runs N]      (pip install torch numpy)
"""

import argparse
import json
import math
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

HIDDEN, DEPTH, HEADS, TOKENS, CONTEXT, BATCH, PATCH_DIM = 256, 6, 4, 64, 32, 32, 48


def modulate(x, shift, scale):
    return F.layer_norm(x, (HIDDEN,), eps=1e-6) * (1 + scale) + shift


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.out = (nn.Linear(HIDDEN, HIDDEN, bias=False) for _ in range(4))

    def forward(self, x, context):
        split = lambda y: y.unflatten(2, (HEADS, HIDDEN // HEADS)).transpose(1, 2)
        mixed = F.scaled_dot_product_attention(split(self.q(x)), split(self.k(context)), split(self.v(context)))
        return self.out(mixed.transpose(1, 2).flatten(2))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.adaln = nn.Linear(HIDDEN, 6 * HIDDEN, bias=False)
        self.self_attention, self.cross_attention = Attention(), Attention()
        self.up = nn.Linear(HIDDEN, 4 * HIDDEN, bias=False)
        self.down = nn.Linear(4 * HIDDEN, HIDDEN, bias=False)

    def forward(self, x, context, conditioning):
        a, b, c, d, e, f = self.adaln(conditioning).unsqueeze(1).chunk(6, dim=2)
        y = modulate(x, a, b)
        x = x + self.self_attention(y, y)
        x = x + self.cross_attention(modulate(x, c, d), context)
        return x + self.down(F.gelu(self.up(modulate(x, e, f)), approximate="tanh"))


class LabNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.context = nn.Linear(HIDDEN, HIDDEN, bias=False)
        self.time = nn.Linear(HIDDEN, HIDDEN, bias=False)
        self.embed = nn.Linear(PATCH_DIM, HIDDEN, bias=False)
        self.blocks = nn.ModuleList(Block() for _ in range(DEPTH))
        self.head = nn.Linear(HIDDEN, PATCH_DIM, bias=False)

    def forward(self, patches, context, time_features):
        context = self.context(context)
        conditioning = F.silu(self.time(time_features))
        x = self.embed(patches)
        for block in self.blocks:
            x = block(x, context, conditioning)
        return self.head(x)


def measure(mode, runs):
    torch.manual_seed(0)
    net = LabNet()
    forward = torch.compile(net) if mode == "compile" else net
    patches, target = torch.randn(BATCH, TOKENS, PATCH_DIM), torch.randn(BATCH, TOKENS, PATCH_DIM)
    context, features = torch.randn(BATCH, CONTEXT, HIDDEN), torch.randn(BATCH, HIDDEN)

    def step():
        net.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=mode == "autocast-bf16"):
            prediction = forward(patches, context, features)
        F.mse_loss(prediction.float(), target).backward()

    for _ in range(2):
        step()
    best = math.inf
    for _ in range(runs):
        start = time.perf_counter()
        step()
        best = min(best, time.perf_counter() - start)
    return best * 1000


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--runs", type=int, default=10)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for mode in ("eager", "compile", "autocast-bf16"):
        try:
            row = {"mode": mode, "version": torch.__version__, "ms": measure(mode, options.runs)}
        except Exception as error:  # torch.compile needs a C++ compiler, which not every machine has
            print(f"torch {mode} did not run: {str(error).splitlines()[0]}", file=sys.stderr)
            continue
        print(json.dumps(row), flush=True)


main()
