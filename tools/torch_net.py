"""The network in PyTorch, for goldens: written from the description of each key in configs/architecture.ts, in f64.

`Net(model)(z, t, feeds)` takes a config's `model` and the inputs by the names of the graph. Parameters have the names of
gpu-runner/model, and numbers that the tests make too: see `numbers`.
"""

import math

import numpy
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)

SIGNALS = ["text", "cls", "patches", "pose"]


def numbers(name, count):
    """`count` numbers in [-1, 1) with 24 bits: murmur3's finalizer over a counter that starts at FNV-1a of the name."""
    state = 2166136261
    for byte in name.encode():
        state = ((state ^ byte) * 16777619) & 0xFFFFFFFF
    x = (state + numpy.arange(1, count + 1, dtype=numpy.uint64) * 0x9E3779B9) & 0xFFFFFFFF
    x ^= x >> 16
    x = (x * 0x85EBCA6B) & 0xFFFFFFFF
    x ^= x >> 13
    x = (x * 0xC2B2AE35) & 0xFFFFFFFF
    x ^= x >> 16
    return torch.from_numpy((x >> 8).astype("float64") / 2**23 - 1)


def f32(x):
    """Rounded to f32."""
    return torch.as_tensor(x).float().double()


def parameter(name, shape):
    """Gains lie around 1. Matrices [in, out] have variance 1 / in."""
    v = numbers(name, math.prod(shape)).reshape(shape)
    if name.endswith("norm"):
        return f32(1 + 0.3 * v)
    return f32(v * (math.sqrt(3 / shape[0]) if len(shape) == 2 else 0.4))


DEFAULTS = {
    "arch": "joint", "position": "rope", "qk_norm": True, "norm": "rms", "mlp": "swiglu", "mlp_ratio": 8 / 3, "adaln": "shared",
    "adaln_rank": 256, "adaln_gates": True, "head": "modulated", "output_conv": False, "size_embedding": False, "registers": None,
    "context_norm": None, "projection_bias": False, "nulls": "hidden", "null_tokens": "one", "cls_token": "signal",
    "tokens_per_side": None, "text": {}, "patches": {}, "pose": {},
}  # fmt: skip


def turn_pairs(x, angles):
    """Channels 2i and 2i + 1 as a complex number, turned by angle i."""
    cos, sin = f32(torch.cos(angles)), f32(torch.sin(angles))
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack([even * cos - odd * sin, even * sin + odd * cos], -1).flatten(-2)


def centres(rows, columns, step=(1, 1)):
    """[cells, 2]: y and x of the cells from the centre of the grid, times the step."""
    cells = torch.cartesian_prod(torch.arange(rows), torch.arange(columns)).double()
    return (cells - torch.tensor([rows - 1, columns - 1]) / 2) * torch.tensor(step)


class Group:
    """Context tokens [batch, n, hidden], which of them are attended [batch, n], and their angles, if they have a place."""

    def __init__(self, tokens, visible, angles=None):
        self.tokens, self.visible, self.angles = tokens, visible, angles


class Net:
    def __init__(self, model):
        self.model = DEFAULTS | model
        self.hidden, self.heads = model["hidden_size"], model["num_heads"]
        self.head_dim = self.hidden // self.heads
        self.params = {}

    def get(self, name, *shape):
        if name not in self.params:
            self.params[name] = parameter(name, shape).requires_grad_()
        return self.params[name]

    def linear(self, x, name, outputs=None):
        return x @ self.get(name, x.shape[-1], outputs or self.hidden)

    def biased(self, x, name, outputs=None):
        return self.linear(x, name, outputs) + self.get(f"{name}_bias", outputs or self.hidden)

    def __call__(self, z, t, feeds, route=lambda layer: None):
        """The prediction. `route` gives the indices [batch, kept] of the image tokens that go through a block. Keeps `taps`."""
        m, batch = self.model, z.shape[0]
        self.rows, self.columns = z.shape[2] // m["patch_size"], z.shape[3] // m["patch_size"]
        self.turn = 1 if m["tokens_per_side"] is None else m["tokens_per_side"] / math.sqrt(self.rows * self.columns)
        time = self.embed_time(t, *z.shape[2:])
        context, pooled, spatial = self.embed_signals(feeds, time)
        x = sum(spatial, self.embed_pixels(z))
        conditioning = F.silu(sum(pooled, time))
        angles = self.angles(centres(self.rows, self.columns, (self.turn, self.turn))).expand(batch, -1, -1) if m["position"] == "rope" else None
        registers, self.taps, self.routes = x[:, :0], [], []
        for layer in range(m["depth"]):
            if m["registers"] and layer == m["registers"].get("block", m["depth"] // 3):
                registers = self.get("registers", m["registers"]["count"], self.hidden).expand(batch, -1, -1)
            indices = route(layer)
            place = slice(None) if indices is None else indices[..., None]
            taken = x if indices is None else x.gather(1, place.expand(-1, -1, self.hidden))
            turned = angles if angles is None or indices is None else angles.gather(1, place.expand(-1, -1, angles.shape[-1]))
            if turned is not None:
                turned = F.pad(turned, (0, 0, registers.shape[1], 0))
            after = self.block(f"blocks.{layer}", torch.cat([registers, taken], 1), turned, context, conditioning)
            registers, image = after[:, : registers.shape[1]], after[:, registers.shape[1] :]
            x = image if indices is None else x.scatter(1, place.expand(-1, -1, self.hidden), image)
            self.taps.append(x)
            self.routes.append(indices)
        return self.head(x, conditioning, z.shape[2:])

    # Embeddings

    def embed_pixels(self, z):
        m = self.model
        patch, overlap = m["patch_size"], m["patch_overlap"]
        windows = F.unfold(z, patch + 2 * overlap, stride=patch, padding=overlap).transpose(1, 2)
        if m["bottleneck"] == 0:
            tokens = self.linear(windows, "patch.proj")
        else:
            tokens = self.linear(self.linear(windows, "patch.down", m["bottleneck"]), "patch.up")
        tokens = tokens + self.get("patch.bias", self.hidden)
        if m["position"] == "sincos":
            return tokens + f32(self.sincos(torch.cartesian_prod(torch.arange(self.rows), torch.arange(self.columns)).double()))
        points = centres(self.rows, self.columns) / (math.sqrt(self.rows * self.columns) / 2)
        return tokens + self.linear(f32(self.fourier(points)), "patch.position")

    def embed_time(self, t, height, width):
        frequencies = f32(1000 * torch.exp(-math.log(10000) * torch.arange(128) / 128))
        angles = t[:, None] * frequencies
        first = self.biased(torch.cat([angles.cos(), angles.sin()], 1), "time.in")
        time = self.biased(F.silu(first), "time.out")
        if not self.model["size_embedding"]:
            return time
        octaves = torch.tensor([math.log2(height * width), math.log2(height / width)])
        sizes = (octaves[:, None] * 2.0 ** torch.arange(6) * math.pi / 8).flatten()
        return time + self.linear(f32(torch.cat([sizes.sin(), sizes.cos()]))[None], "size.proj")

    def fourier(self, points):
        """[..., 2] as (y, x) -> [..., 18]."""
        parts = []
        for u in points.unbind(-1):
            angles = u[..., None] * math.pi * 2.0 ** torch.arange(4) / 2
            parts += [u[..., None], torch.stack([angles.sin(), angles.cos()], -1).flatten(-2)]
        return torch.cat(parts, -1)

    def sincos(self, places):
        """[..., 2] as (row, column) -> [..., hidden]."""
        quarter = self.hidden // 4
        angles = places[..., None] * 10000.0 ** (-torch.arange(quarter) / quarter)
        return torch.cat([angles[..., 0, :].sin(), angles[..., 0, :].cos(), angles[..., 1, :].sin(), angles[..., 1, :].cos()], -1)

    def angles(self, places):
        """[..., tokens, 2] as (y, x) -> [..., tokens, head_dim / 2]."""
        quarter = self.head_dim // 4
        frequencies = 100.0 ** (-torch.arange(quarter) / quarter)
        return (places[..., None] * frequencies).flatten(-2)

    # Signals

    def embed_signals(self, feeds, time):
        context, pooled, spatial = [], [], []
        for name in SIGNALS:
            if name in self.model["conditions"]:
                kept = feeds[f"keep_{name}"] > 0.5
                getattr(self, f"embed_{name}")(feeds, kept, context, pooled, spatial, time)
        return context, pooled, spatial

    def project(self, x, name):
        return self.biased(x, name) if self.model["projection_bias"] else self.linear(x, name)

    def norm_context(self, x, name, usual="rms"):
        norm = self.model["context_norm"] or usual
        if self.model["context_norm"] == "none":
            return x
        normed = F.layer_norm(x, x.shape[-1:], eps=1e-6) if norm == "layer" else normalize(x, norm)
        return normed * self.get(name, self.hidden)

    def null(self, name, dim):
        return self.get(name, dim if self.model["nulls"] == "input" else self.hidden)

    def null_group(self, token, absent, count):
        """The original has as many null tokens as the signal may have tokens."""
        copies = count if self.model["null_tokens"] == "all" else 1
        return Group(token.expand(len(absent), copies, -1), absent[:, None].expand(-1, copies))

    def embed_text(self, feeds, kept, context, pooled, spatial, time):
        m, mask = self.model, feeds["text_mask"] > 0.5
        limit = m["conditions"]["text"]["tokens"]
        kept = kept & mask.any(1)
        position = self.get("text.position", limit, self.hidden) if m["text"].get("position", True) else torch.zeros(limit, self.hidden)
        embed = lambda x: self.norm_context(self.project(x, "text.proj") + position[: x.shape[-2]], "text.norm")
        tokens, nothing = embed(feeds["text"]), self.null("text.null", feeds["text"].shape[-1])
        token = embed(nothing[None]) if m["nulls"] == "input" else nothing[None]
        visible = mask & kept[:, None]
        context += [Group(tokens, visible), self.null_group(token, ~kept, limit)]
        if m["arch"] == "joint":
            weight = visible[..., None].double()
            mean = (tokens * weight).sum(1) / weight.sum(1).clamp(min=1)
            pooled.append(self.linear(torch.where(kept[:, None], mean, token), "text.pool"))

    def embed_cls(self, feeds, kept, context, pooled, spatial, time):
        m = self.model
        value = normalize(feeds["cls"], m["conditions"]["cls"].get("norm", "none"))
        nothing = self.null("cls.null", value.shape[-1])
        if m["nulls"] == "input":
            cls = self.project(torch.where(kept[:, None], value, nothing), "cls.proj")
        else:
            cls = torch.where(kept[:, None], self.project(value, "cls.proj"), nothing)
        pooled.append(cls)
        if m["arch"] == "cross":
            token = cls + time if m["cls_token"] == "conditioning" else cls
            context.append(Group(self.norm_context(token, "cls.norm")[:, None], torch.ones(len(kept), 1) > 0))

    def embed_patches(self, feeds, kept, context, pooled, spatial, time):
        m, value = self.model, feeds["patches"]
        rows, columns, dim = value.shape[1:]
        mode = m["patches"].get("mode", "spatial_add" if m["arch"] == "joint" else "cross")
        norm = m["conditions"]["patches"].get("norm", "rms")
        if mode != "cross":
            cells = value.unflatten(2, (self.columns, -1)).unflatten(1, (self.rows, -1)).mean((2, 4)).flatten(1, 2)
            added = self.project(normalize(cells, norm), "patches.proj") * self.get("patches.gate", self.hidden)
            spatial.append(torch.where(kept[:, None, None], added, 0))
        if mode != "spatial_add":
            name = "patches.context_proj" if mode == "both" else "patches.proj"
            step = (self.rows / rows, self.columns / columns)
            place = centres(rows, columns, step)
            has_place, is_rope = m["patches"].get("position", True), m["position"] == "rope"
            tokens = self.project(normalize(value.flatten(1, 2), norm), name)
            if has_place and not is_rope:
                tokens = tokens + f32(self.sincos(place + torch.tensor([self.rows - 1, self.columns - 1]) / 2))
            angles = self.angles(place * self.turn).expand(len(kept), -1, -1) if has_place and is_rope else None
            finish = lambda x: self.norm_context(x, "patches.norm", norm)
            nothing = self.null("patches.null", dim)
            token = finish(self.project(nothing[None], name)) if m["nulls"] == "input" else nothing[None]
            context += [Group(finish(tokens), kept[:, None].expand(-1, rows * columns), angles), self.null_group(token, ~kept, rows * columns)]

    def embed_pose(self, feeds, kept, context, pooled, spatial, time):
        m, options = self.model, self.model["pose"]
        seen = kept[:, None] & (feeds["pose"][..., 2] > f32(m["conditions"]["pose"].get("threshold", 0.05)))
        x, y, confidence = (feeds["pose"] * seen[..., None]).unbind(-1)
        mean = math.sqrt(self.rows * self.columns)
        edge = (1, 1) if m["tokens_per_side"] is None else (self.rows / mean, self.columns / mean)
        if options.get("embedding") == "mlp":
            inner = F.gelu(self.biased(torch.stack([x, y, confidence], -1), "pose.in"))
            tokens = self.biased(inner, "pose.out")
        else:
            features = self.fourier(torch.stack([y * edge[0], x * edge[1]], -1))
            tokens = self.linear(torch.cat([features, confidence[..., None]], -1), "pose.proj")
        has_place, is_rope = options.get("position", True), m["position"] == "rope"
        half = torch.tensor([self.rows, self.columns]) / 2
        place = torch.stack([y, x], -1) * half
        if has_place and not is_rope:
            tokens = tokens + self.sincos(place + half - 0.5)
        if options.get("joint_embeddings", True):
            tokens = tokens + self.get("pose.joint", 133, self.hidden)
        angles = self.angles(place * self.turn) if has_place and is_rope else None
        if options.get("null_pose") == "attended":
            tokens = torch.where(seen[..., None], tokens, self.get("pose.nulls", 133, self.hidden))
            seen = torch.ones_like(seen)
        context.append(Group(self.norm_context(tokens, "pose.norm"), seen, angles))
        if m["arch"] == "cross" and options.get("null_pose") != "attended":
            context.append(Group(self.get("pose.null", self.hidden).expand(len(kept), 1, -1), ~seen.any(1, keepdim=True)))

    # Blocks

    def norm(self, x):
        return F.layer_norm(x, [self.hidden], eps=1e-6) if self.model["norm"] == "layer" else normalize(x, "rms")

    def block(self, name, x, angles, context, conditioning):
        m = self.model
        branches = {"joint": ["joint", "mlp"], "cross": ["self", "cross", "mlp"] if context else ["self", "mlp"]}[m["arch"]]
        parts = iter(self.modulation(name, conditioning, len(branches)))
        for branch in branches:
            shift, scale = next(parts), next(parts)
            y = self.norm(x) * (1 + scale) + shift
            own = [("", Group(y, torch.ones(y.shape[:2]) > 0, angles))]
            if branch == "mlp":
                change = self.mlp(f"{name}.mlp", y)
            elif branch == "cross":
                change = self.attention(f"{name}.cross", y, angles, [("", group) for group in context])
            else:
                others = [("context_", group) for group in context] if branch == "joint" else []
                change = self.attention(f"{name}.attn", y, angles, own + others)
            x = x + (next(parts) * change if m["adaln_gates"] else change)
        return x

    def modulation(self, name, conditioning, branches):
        m = self.model
        width = branches * self.hidden * (3 if m["adaln_gates"] else 2)
        if m["adaln"] == "lowrank":
            packed = self.linear(self.linear(conditioning, f"{name}.adaln_down", m["adaln_rank"]), f"{name}.adaln_up", width)
        else:
            packed = self.linear(conditioning, "adaln" if m["adaln"] == "shared" else f"{name}.adaln", width)
        return (packed + self.get(f"{name}.adaln_bias", width))[:, None].split(self.hidden, -1)

    def attention(self, name, query, angles, sources):
        def by_head(x, part, angles, is_normed):
            y = self.linear(x, f"{name}.{part}").unflatten(-1, (self.heads, self.head_dim)).transpose(1, 2)
            if is_normed and self.model["qk_norm"]:
                y = normalize(y, "rms") * self.get(f"{name}.{part}_norm", self.head_dim)
            return y if angles is None else turn_pairs(y, angles[:, None])

        keys = torch.cat([by_head(group.tokens, f"{prefix}k", group.angles, True) for prefix, group in sources], 2)
        values = torch.cat([by_head(group.tokens, f"{prefix}v", None, False) for prefix, group in sources], 2)
        visible = torch.cat([group.visible for _, group in sources], 1)[:, None, None]
        mixed = F.scaled_dot_product_attention(by_head(query, "q", angles, True), keys, values, attn_mask=visible)
        return self.linear(mixed.transpose(1, 2).flatten(2), f"{name}.out")

    def mlp(self, name, x):
        inner = max(16, round(self.hidden * self.model["mlp_ratio"] / 16) * 16)
        up = self.linear(x, f"{name}.up", inner)
        wide = F.gelu(up, approximate="tanh") if self.model["mlp"] == "gelu" else F.silu(self.linear(x, f"{name}.gate", inner)) * up
        return self.linear(wide, f"{name}.down")

    def head(self, x, conditioning, size):
        m = self.model
        patch, overlap = m["patch_size"], m["patch_overlap"]
        window = patch + 2 * overlap
        normal = self.norm(x)
        if m["head"] == "modulated":
            shift, scale = self.biased(conditioning, "head.adaln", 2 * self.hidden)[:, None].chunk(2, -1)
            normal = normal * (1 + scale) + shift
        pixels = self.linear(normal, "head.out", 3 * window**2) + self.get("head.bias", 3 * window**2)
        y = F.fold(pixels.transpose(1, 2), tuple(size), window, stride=patch, padding=overlap)
        if m["output_conv"]:
            y = y + F.conv2d(y, self.get("head.conv", 3, 3, 3, 3), self.get("head.conv_bias", 3), padding=1)
        return y


def normalize(x, norm):
    return F.rms_norm(x, x.shape[-1:], eps=1e-6) if norm == "rms" else x
