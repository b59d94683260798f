"""The model of gpu-runner/model, of both architectures, and its flow-matching loss, written as is usual in PyTorch.

`config` is { model, objective, shape } as in bench/model-nets.ts. Modules have the names of our parameters.
"""

import math
from typing import NamedTuple

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


def rope_frequencies(head_dim):
    return ROPE_BASE ** (-torch.arange(head_dim // 4).double() / (head_dim // 4))


def rope_angles(rows, columns, head_dim, step=(1, 1)):
    """Angles [tokens, head_dim / 2]: the first half depends on y, the second on x."""
    y, x = grid_centres(rows, columns)
    turns = [place[:, None] * size * rope_frequencies(head_dim) for place, size in zip((y, x), step)]
    return torch.cat(turns, 1)


def turns(prefix, angles):
    return {f"{prefix}cos": angles.cos(), f"{prefix}sin": angles.sin()}


def fourier_of(y, x):
    """[..., points] each -> [..., points, 18]."""
    features = []
    for u in (y, x):
        angles = u[..., None] * math.pi * 2.0 ** torch.arange(FOURIER_BANDS, device=u.device) / 2
        features += [u[..., None], torch.stack([angles.sin(), angles.cos()], -1).flatten(-2)]
    return torch.cat(features, -1)


def fourier_table(rows, columns):
    half = math.sqrt(rows * columns) / 2
    return fourier_of(*(centre / half for centre in grid_centres(rows, columns)))


class RmsNorm(nn.Module):
    """RMS norm. The gain has the format of the input: PyTorch has no fused kernel for mixed formats."""

    def __init__(self, dim):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x):
        return F.rms_norm(x, x.shape[-1:], self.weight.to(x.dtype), EPS)


class Context(NamedTuple):
    """Tokens that image tokens attend to."""

    tokens: torch.Tensor  # [batch, n, hidden]
    seen: torch.Tensor  # bool [batch, n]
    cos: torch.Tensor  # [n, head_dim / 2] or [batch, 1, n, head_dim / 2]
    sin: torch.Tensor


class Attention(nn.Module):
    """Queries are image tokens. `context_` projections are for the context of a joint block."""

    def __init__(self, hidden, heads, joint):
        super().__init__()
        self.heads = heads
        for name in ("q", "k", "v", "out", *(("context_k", "context_v") if joint else ())):
            setattr(self, name, nn.Linear(hidden, hidden, bias=False))
        for name in ("q_norm", "k_norm", *(("context_k_norm",) if joint else ())):
            setattr(self, name, RmsNorm(hidden // heads))

    def split(self, y):
        return y.unflatten(2, (self.heads, -1)).transpose(1, 2)

    def mix(self, query, key, value, mask=None):
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return self.out(mixed.transpose(1, 2).flatten(2))

    def query(self, x, cos, sin):
        return turn_pairs(self.q_norm(self.split(self.q(x))), cos, sin)

    def key(self, x, cos, sin):
        return turn_pairs(self.k_norm(self.split(self.k(x))), cos, sin)

    def to_self(self, x, cos, sin):
        return self.mix(self.query(x, cos, sin), self.key(x, cos, sin), self.split(self.v(x)))

    def to_context(self, x, cos, sin, context):
        key = self.key(context.tokens, context.cos, context.sin)
        mask = context.seen[:, None, None, :]
        return self.mix(self.query(x, cos, sin), key, self.split(self.v(context.tokens)), mask)

    def to_both(self, x, cos, sin, context):
        query, image_key = self.query(x, cos, sin), self.key(x, cos, sin)
        if context is None:
            return self.mix(query, image_key, self.split(self.v(x)))
        context_key = self.context_k_norm(self.split(self.context_k(context.tokens)))
        key = torch.cat([image_key, turn_pairs(context_key, context.cos, context.sin)], 2)
        value = torch.cat([self.split(self.v(x)), self.split(self.context_v(context.tokens))], 2)
        mask = F.pad(context.seen, (x.shape[1], 0), value=True)[:, None, None, :]
        return self.mix(query, key, value, mask)


class SwiGlu(nn.Module):
    def __init__(self, hidden, inner):
        super().__init__()
        self.gate, self.up = nn.Linear(hidden, inner, bias=False), nn.Linear(hidden, inner, bias=False)
        self.down = nn.Linear(inner, hidden, bias=False)

    def forward(self, x):
        return self.down(F.silu(self.gate(x)) * self.up(x))


class Block(nn.Module):
    """adaLN-zero. `adaln` is a matrix of its own (full), two thin ones (lowrank), or none: the model shares one."""

    def __init__(self, model, inner, branches):
        super().__init__()
        hidden, heads, self.branches = model["hidden_size"], model["num_heads"], branches
        joint = model["arch"] == "joint"
        self.attn, self.mlp = Attention(hidden, heads, joint and "both" in branches), SwiGlu(hidden, inner)
        if "context" in branches:
            self.cross = Attention(hidden, heads, False)
        width, rank = 3 * len(branches) * hidden, model.get("adaln_rank", 256)
        self.kind = model["adaln"]
        if self.kind == "full":
            self.adaln = nn.Linear(hidden, width, bias=False)
        if self.kind == "lowrank":
            self.adaln_down, self.adaln_up = nn.Linear(hidden, rank, bias=False), nn.Linear(rank, width, bias=False)
        self.adaln_bias = nn.Parameter(torch.zeros(width))

    def modulation(self, conditioning, shared):
        if self.kind == "full":
            return self.adaln(conditioning)
        return self.adaln_up(self.adaln_down(conditioning)) if self.kind == "lowrank" else shared

    def forward(self, x, conditioning, shared, cos, sin, context):
        packed = (self.modulation(conditioning, shared) + self.adaln_bias).unsqueeze(1)
        parts = packed.chunk(3 * len(self.branches), 2)
        run = {
            "both": lambda y: self.attn.to_both(y, cos, sin, context),
            "self": lambda y: self.attn.to_self(y, cos, sin),
            "context": lambda y: self.cross.to_context(y, cos, sin, context),
            "mlp": self.mlp,
        }
        for i, branch in enumerate(self.branches):
            shift, scale, gate = parts[3 * i : 3 * i + 3]
            x = x + gate * run[branch](modulate(x, shift, scale))
        return x


class Text(nn.Module):
    """Returns tokens, a mask of the seen ones, and a mean. A dropped or empty text is one learned null token."""

    def __init__(self, text, hidden, pools):
        super().__init__()
        self.proj, self.norm = nn.Linear(text["dim"], hidden, bias=False), RmsNorm(hidden)
        if pools:
            self.pool = nn.Linear(hidden, hidden, bias=False)
        self.position = nn.Parameter(torch.randn(text["tokens"], hidden) * 0.02)
        self.null = nn.Parameter(torch.randn(hidden) * 0.02)

    def forward(self, text, mask, keep):
        kept = is_kept(keep, 2) & (mask.sum(1, keepdim=True) > 0.5)
        only_first = torch.arange(mask.shape[1], device=mask.device) == 0
        seen = torch.where(kept, mask > 0.5, only_first)
        tokens = torch.where(kept[..., None], self.norm(self.proj(text) + self.position[: text.shape[1]]), self.null)
        return tokens, seen

    def mean(self, tokens, seen):
        weights = seen[..., None].to(tokens.dtype)
        return self.pool((tokens * weights).sum(1) / weights.sum(1).clamp(min=1))


class Features(nn.Module):
    """A projection of a signal, and learned null vectors, gates and norms."""

    def __init__(self, dim, hidden, norm=False, **learned):
        super().__init__()
        self.proj = nn.Linear(dim, hidden, bias=False)
        if norm:
            self.norm = RmsNorm(hidden)
        for name, start in learned.items():
            setattr(self, name, nn.Parameter(start))


class NanoDit(nn.Module):
    """The forward pass returns the loss."""

    def __init__(self, config):
        super().__init__()
        model, shape, objective = config["model"], config["shape"], config["objective"]
        self.t_clamp, self.noise_scale = objective["t_clamp"], objective["noise_scale"]
        hidden, heads, conditions = model["hidden_size"], model["num_heads"], model.get("conditions") or {}
        self.head_dim, self.cross = hidden // heads, model["arch"] == "cross"
        self.patch, self.overlap = model["patch_size"], model["patch_overlap"]
        self.rows, self.columns = shape["height"] // self.patch, shape["width"] // self.patch
        inner = max(16, int(hidden * model["mlp_ratio"] / 16 + 0.5) * 16)
        patch_dim = model["in_channels"] * (self.patch + 2 * self.overlap) ** 2
        null = lambda: torch.randn(hidden) * 0.02
        tables = {"fourier": fourier_table(self.rows, self.columns)}
        tables |= turns("", rope_angles(self.rows, self.columns, self.head_dim))

        if text := conditions.get("text"):
            self.text = Text(text, hidden, not self.cross)
        if cls := conditions.get("cls"):
            self.cls = Features(cls["dim"], hidden, norm=self.cross, null=null())
        if patches := conditions.get("patches"):
            learned = {"null": null()} if self.cross else {"gate": torch.zeros(hidden)}
            self.patches = Features(patches["dim"], hidden, norm=self.cross, **learned)
            grid = shape["height"] // patches["stride"], shape["width"] // patches["stride"]
            step = self.rows / grid[0], self.columns / grid[1]
            tables |= turns("patch_", rope_angles(*grid, self.head_dim, step))
        if pose := conditions.get("pose"):
            learned = {"null": null()} if self.cross else {}
            joint = torch.randn(pose["joints"], hidden) * 0.02
            self.pose = Features(tables["fourier"].shape[1] + 1, hidden, norm=True, joint=joint, **learned)
            self.threshold = pose.get("threshold", 0)
        self.patch_down = nn.Linear(patch_dim, model["bottleneck"], bias=False)
        self.patch_up = nn.Linear(model["bottleneck"], hidden)
        self.patch_position = nn.Linear(tables["fourier"].shape[1], hidden, bias=False)
        self.time_in, self.time_out = nn.Linear(2 * TIME_FREQUENCIES, hidden), nn.Linear(hidden, hidden)
        branches = ["self", *(["context"] if conditions else []), "mlp"] if self.cross else ["both", "mlp"]
        if model["adaln"] == "shared":
            self.adaln = nn.Linear(hidden, 3 * len(branches) * hidden, bias=False)
        self.blocks = nn.ModuleList(Block(model, inner, branches) for _ in range(model["depth"]))
        self.head_adaln, self.head_out = nn.Linear(hidden, 2 * hidden), nn.Linear(hidden, patch_dim)
        frequencies = torch.arange(TIME_FREQUENCIES).double() / TIME_FREQUENCIES
        tables["times"] = TIME_SCALE * torch.exp(-math.log(10_000) * frequencies)
        tables["frequencies"] = rope_frequencies(self.head_dim)
        for name, table in tables.items():
            self.register_buffer(name, table.float(), persistent=False)

    def pose_tokens(self, pose, keep):
        x, y, confidence = pose.unbind(2)
        seen = is_kept(keep, 2) & (confidence > self.threshold)
        x, y, confidence = (torch.where(seen, each, 0) for each in (x, y, confidence))
        features = torch.cat([fourier_of(y, x), confidence[..., None]], 2)
        tokens = self.pose.norm(self.pose.proj(features) + self.pose.joint)
        places = [u[..., None] * side / 2 * self.frequencies for u, side in ((y, self.rows), (x, self.columns))]
        return tokens, seen, torch.cat(places, 2)

    def embed(self, batch, text=None, text_mask=None, keep_text=None, cls=None, keep_cls=None, patches=None,
              keep_patches=None, pose=None, keep_pose=None):
        """The context, the vector beside the time embedding, and what is added to the image tokens."""
        parts, pooled, spatial = [], 0, 0

        def add_part(tokens, seen, cos=None, sin=None):
            if cos is None:
                cos = torch.ones(tokens.shape[1], self.head_dim // 2, device=tokens.device, dtype=self.cos.dtype)
                sin = torch.zeros_like(cos)
            parts.append((tokens, seen, cos.expand(batch, -1, -1), sin.expand(batch, -1, -1)))

        add_null = lambda null, absent: add_part(null.expand(batch, 1, -1), absent)
        if text is not None:
            tokens, seen = self.text(text, text_mask, keep_text)
            add_part(tokens, seen)
            pooled = pooled + (0 if self.cross else self.text.mean(tokens, seen))
        if cls is not None:
            vector = torch.where(is_kept(keep_cls, 2), self.cls.proj(cls), self.cls.null)
            pooled = pooled + vector
            if self.cross:
                add_part(self.cls.norm(vector).unsqueeze(1), torch.ones(batch, 1, dtype=torch.bool, device=cls.device))
        if patches is not None and self.cross:
            kept = is_kept(keep_patches, 2)
            tokens = self.patches.proj(normalize(torch.where(kept[..., None], patches.flatten(1, 2), 0)))
            add_part(self.patches.norm(tokens), kept.expand(-1, tokens.shape[1]), self.patch_cos, self.patch_sin)
            add_null(self.patches.null, ~kept)
        elif patches is not None:
            cells = patches.unflatten(1, (self.rows, -1)).unflatten(3, (self.columns, -1)).mean((2, 4)).flatten(1, 2)
            gated = self.patches.proj(normalize(cells)) * self.patches.gate
            spatial = torch.where(is_kept(keep_patches, 3), gated, 0)
        if pose is not None:
            tokens, seen, angles = self.pose_tokens(pose, keep_pose)
            add_part(tokens, seen, angles.cos(), angles.sin())
            if self.cross:
                add_null(self.pose.null, ~seen.any(1, keepdim=True))
        if not parts:
            return None, pooled, spatial
        tokens, seen, cos, sin = zip(*parts)
        tokens = torch.cat([each.to(tokens[0].dtype) for each in tokens], 1)
        cos, sin = (torch.cat(each, 1).unsqueeze(1) for each in (cos, sin))
        return Context(tokens, torch.cat(seen, 1), cos, sin), pooled, spatial

    def predict(self, z, t, **conditions):
        window = {"kernel_size": self.patch + 2 * self.overlap, "padding": self.overlap, "stride": self.patch}
        context, pooled, spatial = self.embed(z.shape[0], **conditions)
        x = self.patch_up(self.patch_down(F.unfold(z, **window).transpose(1, 2))) + self.patch_position(self.fourier)
        x = x + spatial
        angles = t[:, None] * self.times
        time = self.time_out(F.silu(self.time_in(torch.cat([angles.cos(), angles.sin()], 1))))
        conditioning = F.silu(time + pooled)
        shared = self.adaln(conditioning) if hasattr(self, "adaln") else None
        for block in self.blocks:
            x = block(x, conditioning, shared, self.cos, self.sin, context)
        pixels = self.head_out(modulate(x, *self.head_adaln(conditioning).unsqueeze(1).chunk(2, 2)))
        return F.fold(pixels.transpose(1, 2), z.shape[2:], **window)

    def forward(self, x0, noise, t, **conditions):
        time = t.view(-1, 1, 1, 1)
        prediction = self.predict((1 - time) * x0 + time * self.noise_scale * noise, t, **conditions)
        return ((prediction - x0).square().mean((1, 2, 3)) / t.clamp(min=self.t_clamp).square()).mean()


def random_inputs(config, device="cpu"):
    model, shape = config["model"], config["shape"]
    batch, height, width, conditions = shape["batch"], shape["height"], shape["width"], model.get("conditions") or {}
    pixels = batch, model["in_channels"], height, width
    inputs = {"x0": torch.randn(pixels), "noise": torch.randn(pixels), "t": torch.rand(batch)}
    if text := conditions.get("text"):
        inputs["text"] = torch.randn(batch, shape["textTokens"], text["dim"])
        inputs["text_mask"] = (torch.rand(batch, shape["textTokens"]) > 0.5).float()
    if cls := conditions.get("cls"):
        inputs["cls"] = torch.randn(batch, cls["dim"])
    if patches := conditions.get("patches"):
        stride = patches["stride"]
        inputs["patches"] = torch.randn(batch, height // stride, width // stride, patches["dim"])
    if pose := conditions.get("pose"):
        places, confidence = torch.rand(batch, pose["joints"], 2) * 2 - 1, torch.rand(batch, pose["joints"], 1)
        inputs["pose"] = torch.cat([places, confidence], 2)
    present = ("text", "cls", "patches", "pose")
    inputs |= {f"keep_{name}": torch.ones(batch) for name in present if conditions.get(name)}
    return {name: value.to(device) for name, value in inputs.items()}
