"""The lab network of bench/lab-net.ts in PyTorch."""

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
    """The forward pass returns the loss."""

    def __init__(self):
        super().__init__()
        self.context = nn.Linear(HIDDEN, HIDDEN, bias=False)
        self.time = nn.Linear(HIDDEN, HIDDEN, bias=False)
        self.embed = nn.Linear(PATCH_DIM, HIDDEN, bias=False)
        self.blocks = nn.ModuleList(Block() for _ in range(DEPTH))
        self.head = nn.Linear(HIDDEN, PATCH_DIM, bias=False)

    def forward(self, patches, context, time, target):
        context = self.context(context)
        conditioning = F.silu(self.time(time))
        x = self.embed(patches)
        for block in self.blocks:
            x = block(x, context, conditioning)
        return F.mse_loss(self.head(x).float(), target)


def random_inputs():
    return {
        "patches": torch.randn(BATCH, TOKENS, PATCH_DIM),
        "context": torch.randn(BATCH, CONTEXT, HIDDEN),
        "time": torch.randn(BATCH, HIDDEN),
        "target": torch.randn(BATCH, TOKENS, PATCH_DIM),
    }
