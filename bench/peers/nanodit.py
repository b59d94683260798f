"""The model of gpu-runner/model with `arch: joint` and its flow-matching loss, written as is usual in PyTorch.

`config` is { model, objective, shape } as in bench/model-nets.ts. Modules have the names of our parameters.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

EPS = 1e-6
TIME_FREQUENCIES, TIME_SCALE = 128, 1000
ROPE_BASE, FOURIER_BANDS = 100, 4


def normalize(x):
    return F.rms_norm(x, x.shape[-1:], eps=EPS)


def modulate(x, shift, scale):
    return normalize(x) * (1 + scale) + shift


def is_kept(keep, rank):
    return (keep > 0.5).view(-1, *[1] * (rank - 1))


def turn_pairs(x, cos, sin):
    """Rotates channels 2i and 2i + 1 by angle i."""
    # Eager mode is several times as fast on complex numbers. The compiler generates no code for them.
    if torch.compiler.is_compiling():
        even, odd = x[..., 0::2], x[..., 1::2]
        return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2)
    pairs = torch.view_as_complex(x.to(cos.dtype).unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * torch.complex(cos, sin)).flatten(-2)


def grid_centres(rows, columns):
    y, x = torch.meshgrid(torch.arange(rows) - (rows - 1) / 2, torch.arange(columns) - (columns - 1) / 2, indexing="ij")
    return y.flatten().double(), x.flatten().double()


def rope_angles(rows, columns, head_dim):
    """Angles [tokens, head_dim / 2]: the first half depends on y, the second on x."""
    y, x = grid_centres(rows, columns)
    frequencies = ROPE_BASE ** (-torch.arange(head_dim // 4).double() / (head_dim // 4))
    return torch.cat([y[:, None] * frequencies, x[:, None] * frequencies], 1)


def fourier_table(rows, columns):
    half = math.sqrt(rows * columns) / 2
    features = []
    for u in (centre / half for centre in grid_centres(rows, columns)):
        angles = u[:, None] * math.pi * 2.0 ** torch.arange(FOURIER_BANDS) / 2
        features += [u[:, None], torch.stack([angles.sin(), angles.cos()], 2).flatten(1)]
    return torch.cat(features, 1)


class RmsNorm(nn.Module):
    """RMS norm. The gain has the format of the input: PyTorch has no fused kernel for mixed formats."""

    def __init__(self, dim):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x):
        return F.rms_norm(x, x.shape[-1:], self.weight.to(x.dtype), EPS)


class Attention(nn.Module):
    """Queries are image tokens; keys and values are [image | text]."""

    def __init__(self, hidden, heads):
        super().__init__()
        self.heads, head_dim = heads, hidden // heads
        linears = [nn.Linear(hidden, hidden, bias=False) for _ in range(6)]
        self.q, self.k, self.v, self.context_k, self.context_v, self.out = linears
        self.q_norm, self.k_norm, self.context_k_norm = (RmsNorm(head_dim) for _ in range(3))

    def forward(self, x, text, mask, cos, sin):
        split = lambda y: y.unflatten(2, (self.heads, -1)).transpose(1, 2)
        query = turn_pairs(self.q_norm(split(self.q(x))), cos, sin)
        image_key = turn_pairs(self.k_norm(split(self.k(x))), cos, sin)
        key = torch.cat([image_key, self.context_k_norm(split(self.context_k(text)))], 2)
        value = torch.cat([split(self.v(x)), split(self.context_v(text))], 2)
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return self.out(mixed.transpose(1, 2).flatten(2))


class SwiGlu(nn.Module):
    def __init__(self, hidden, inner):
        super().__init__()
        self.gate, self.up = nn.Linear(hidden, inner, bias=False), nn.Linear(hidden, inner, bias=False)
        self.down = nn.Linear(inner, hidden, bias=False)

    def forward(self, x):
        return self.down(F.silu(self.gate(x)) * self.up(x))


class Block(nn.Module):
    def __init__(self, hidden, heads, inner):
        super().__init__()
        self.attn, self.mlp = Attention(hidden, heads), SwiGlu(hidden, inner)
        self.adaln_bias = nn.Parameter(torch.zeros(6 * hidden))

    def forward(self, x, adaln, *context):
        shift1, scale1, gate1, shift2, scale2, gate2 = (adaln + self.adaln_bias).unsqueeze(1).chunk(6, 2)
        x = x + gate1 * self.attn(modulate(x, shift1, scale1), *context)
        return x + gate2 * self.mlp(modulate(x, shift2, scale2))


class Text(nn.Module):
    """Returns tokens and a mask of the seen ones. A dropped or empty text is one learned null token."""

    def __init__(self, dim, limit, hidden):
        super().__init__()
        self.proj, self.norm = nn.Linear(dim, hidden, bias=False), RmsNorm(hidden)
        self.pool = nn.Linear(hidden, hidden, bias=False)
        self.position = nn.Parameter(torch.randn(limit, hidden) * 0.02)
        self.null = nn.Parameter(torch.randn(hidden) * 0.02)

    def forward(self, text, mask, keep):
        kept = is_kept(keep, 2) & (mask.sum(1, keepdim=True) > 0.5)
        only_first = torch.arange(mask.shape[1]) == 0
        seen = torch.where(kept, mask > 0.5, only_first)
        tokens = torch.where(kept[..., None], self.norm(self.proj(text) + self.position[: text.shape[1]]), self.null)
        weights = seen[..., None].to(tokens.dtype)
        mean = (tokens * weights).sum(1) / weights.sum(1).clamp(min=1)
        return tokens, seen, self.pool(mean)


class Features(nn.Module):
    """A projection of a signal, and a learned null vector or gate."""

    def __init__(self, dim, hidden, **learned):
        super().__init__()
        self.proj = nn.Linear(dim, hidden, bias=False)
        for name, start in learned.items():
            setattr(self, name, nn.Parameter(start))


class NanoDit(nn.Module):
    """The forward pass returns the loss."""

    def __init__(self, config):
        super().__init__()
        model, shape, objective = config["model"], config["shape"], config["objective"]
        self.t_clamp, self.noise_scale = objective["t_clamp"], objective["noise_scale"]
        hidden, heads = model["hidden_size"], model["num_heads"]
        self.patch, self.overlap = model["patch_size"], model["patch_overlap"]
        self.rows, self.columns = shape["height"] // self.patch, shape["width"] // self.patch
        inner = max(16, int(hidden * model["mlp_ratio"] / 16 + 0.5) * 16)
        patch_dim = model["in_channels"] * (self.patch + 2 * self.overlap) ** 2
        text, cls, patches = (model["conditions"][key] for key in ("text", "cls", "patches"))

        self.text = Text(text["dim"], text["tokens"], hidden)
        self.cls = Features(cls["dim"], hidden, null=torch.randn(hidden) * 0.02)
        self.patches = Features(patches["dim"], hidden, gate=torch.zeros(hidden))
        fourier, angles = fourier_table(self.rows, self.columns), rope_angles(self.rows, self.columns, hidden // heads)
        self.patch_down = nn.Linear(patch_dim, model["bottleneck"], bias=False)
        self.patch_up = nn.Linear(model["bottleneck"], hidden)
        self.patch_position = nn.Linear(fourier.shape[1], hidden, bias=False)
        self.time_in, self.time_out = nn.Linear(2 * TIME_FREQUENCIES, hidden), nn.Linear(hidden, hidden)
        self.adaln = nn.Linear(hidden, 6 * hidden, bias=False)
        self.blocks = nn.ModuleList(Block(hidden, heads, inner) for _ in range(model["depth"]))
        self.head_adaln, self.head_out = nn.Linear(hidden, 2 * hidden), nn.Linear(hidden, patch_dim)
        times = TIME_SCALE * torch.exp(-math.log(10_000) * torch.arange(TIME_FREQUENCIES).double() / TIME_FREQUENCIES)
        for name, table in {"fourier": fourier, "times": times, "cos": angles.cos(), "sin": angles.sin()}.items():
            self.register_buffer(name, table.float(), persistent=False)

    def predict(self, z, t, text, text_mask, keep_text, cls, keep_cls, patches, keep_patches):
        window = {"kernel_size": self.patch + 2 * self.overlap, "padding": self.overlap, "stride": self.patch}
        tokens, seen, pooled = self.text(text, text_mask, keep_text)
        pooled = pooled + torch.where(is_kept(keep_cls, 2), self.cls.proj(cls), self.cls.null)
        cells = patches.unflatten(1, (self.rows, -1)).unflatten(3, (self.columns, -1)).mean((2, 4)).flatten(1, 2)
        spatial = self.patches.proj(normalize(cells)) * self.patches.gate

        x = self.patch_up(self.patch_down(F.unfold(z, **window).transpose(1, 2))) + self.patch_position(self.fourier)
        x = x + torch.where(is_kept(keep_patches, 3), spatial, 0)
        angles = t[:, None] * self.times
        time = self.time_out(F.silu(self.time_in(torch.cat([angles.cos(), angles.sin()], 1))))
        conditioning = F.silu(time + pooled)
        adaln, mask = self.adaln(conditioning), F.pad(seen, (x.shape[1], 0), value=True)[:, None, None, :]
        for block in self.blocks:
            x = block(x, adaln, tokens, mask, self.cos, self.sin)
        pixels = self.head_out(modulate(x, *self.head_adaln(conditioning).unsqueeze(1).chunk(2, 2)))
        return F.fold(pixels.transpose(1, 2), z.shape[2:], **window)

    def forward(self, x0, noise, t, **conditions):
        time = t.view(-1, 1, 1, 1)
        prediction = self.predict((1 - time) * x0 + time * self.noise_scale * noise, t, **conditions)
        return ((prediction - x0).square().mean((1, 2, 3)) / t.clamp(min=self.t_clamp).square()).mean()


def random_inputs(config):
    model, shape = config["model"], config["shape"]
    batch, height, width, conditions = shape["batch"], shape["height"], shape["width"], model["conditions"]
    stride, keep = conditions["patches"]["stride"], torch.ones(batch)
    return {
        "x0": torch.randn(batch, model["in_channels"], height, width),
        "noise": torch.randn(batch, model["in_channels"], height, width),
        "t": torch.rand(batch),
        "text": torch.randn(batch, shape["textTokens"], conditions["text"]["dim"]),
        "text_mask": (torch.rand(batch, shape["textTokens"]) > 0.5).float(),
        "cls": torch.randn(batch, conditions["cls"]["dim"]),
        "patches": torch.randn(batch, height // stride, width // stride, conditions["patches"]["dim"]),
        **{f"keep_{signal}": keep for signal in ("text", "cls", "patches")},
    }
