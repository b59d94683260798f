"""Writes gpu-runner/compiler/testdata/: results and gradients by PyTorch, against which the compiler, the model and the optimizers are tested.

Run from the root of the repository: python3 tools/make-torch-goldens.py (needs torch and numpy; made with torch 2.15.0).
Inputs are f32; PyTorch computes in f64 and the results are stored as f32. Tensors of a case are `<case>/in.<name>`, `<case>/y`,
`<case>/ct` (the cotangent of y) and `<case>/grad.<name>`.
"""

import json
import os
import struct

import numpy
import torch
import torch.nn.functional as F
import torch.optim._muon as torch_muon

TARGET = os.path.join("gpu-runner", "compiler", "testdata")
generator = torch.Generator().manual_seed(20260101)
TYPES = {numpy.dtype("float32"): "F32", numpy.dtype("int32"): "I32"}


def save(name, tensors):
    """The safetensors format: length of the header, header, bytes."""
    header, chunks, end = {}, [], 0
    for key, tensor in tensors.items():
        array = tensor.detach().numpy()
        array = numpy.ascontiguousarray(array.astype("int32" if array.dtype.kind == "i" else "float32"))
        header[key] = {"dtype": TYPES[array.dtype], "shape": list(tensor.shape), "data_offsets": [end, end + array.nbytes]}
        chunks.append(array.tobytes())
        end += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(os.path.join(TARGET, name), "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(chunks))


def normal(*shape):
    """Numbers that f32 holds exactly, in f64."""
    return torch.randn(*shape, generator=generator).double()


def record(tensors, case, inputs, fn):
    """Forward, and gradients of sum(ct * y) by all floating-point inputs."""
    for x in inputs.values():
        x.requires_grad_(x.is_floating_point())
    y = fn(**inputs)
    ct = normal(*y.shape)
    floats = {name: x for name, x in inputs.items() if x.requires_grad}
    gradients = torch.autograd.grad((y * ct).sum(), list(floats.values()))
    tensors.update({f"{case}/in.{name}": x for name, x in inputs.items()})
    tensors.update({f"{case}/y": y, f"{case}/ct": ct})
    tensors.update({f"{case}/grad.{name}": g for name, g in zip(floats, gradients)})


def composites():
    tensors = {}

    def case(name, fn, **inputs):
        record(tensors, name, inputs, fn)

    x = lambda: normal(3, 5, 7)
    case("softmax", lambda x: F.softmax(x, 1), x=x())
    case("layer_norm", lambda x: F.layer_norm(x, [7], eps=1e-6), x=x())
    case("layer_norm_affine", lambda x, gain, bias: F.layer_norm(x, [7], gain, bias, 1e-5), x=x(), gain=normal(7), bias=normal(7))
    case("rms_norm", lambda x: F.rms_norm(x, [7], eps=1e-6), x=x())
    case("rms_norm_gain", lambda x, gain: F.rms_norm(x, [7], gain, 1e-6), x=x(), gain=normal(7))
    case("gelu_tanh", lambda x: F.gelu(x, approximate="tanh"), x=x())
    case("gelu_erf", lambda x: F.gelu(x), x=x())
    case("silu", lambda x: F.silu(x), x=x())
    case("swiglu", lambda gate, up: F.silu(gate) * up, gate=x(), up=x())
    case("gather", lambda x, indices: x.index_select(1, indices), x=x(), indices=torch.tensor([4, 0, 4, 2, 1, 4]))
    case("scatter_add", lambda x, updates, indices: x.index_add(1, indices, updates), x=x(), updates=normal(3, 4, 7), indices=torch.tensor([4, 0, 4, 2]))

    visible = torch.tensor([[1, 1, 0, 1, 0, 1], [0, 1, 1, 1, 1, 0]])
    qkv = lambda: {"query": normal(2, 2, 5, 4), "key": normal(2, 2, 6, 4), "value": normal(2, 2, 6, 3)}
    case("attention", lambda query, key, value: F.scaled_dot_product_attention(query, key, value), **qkv())
    masked = lambda query, key, value, visible: F.scaled_dot_product_attention(query, key, value, attn_mask=visible[:, None, None, :] > 0)
    case("attention_masked", masked, **qkv(), visible=visible)
    case("rotary", turn_pairs, x=normal(2, 3, 6, 8), angles=normal(6, 4), gain=normal(8))

    conv = lambda **options: lambda x, weight: F.conv2d(x, weight, **options)
    case("conv2d", conv(), x=normal(2, 3, 6, 5), weight=normal(4, 3, 3, 2))
    case("conv2d_stride_padding", conv(stride=2, padding=1), x=normal(2, 3, 8, 7), weight=normal(4, 3, 3, 3))
    case("conv2d_groups_dilation", conv(stride=(1, 2), padding=(2, 1), dilation=(2, 1), groups=2), x=normal(1, 4, 7, 8), weight=normal(6, 2, 3, 3))
    case("max_pool", lambda x: F.max_pool2d(x, 3, 2, 1), x=normal(2, 3, 8, 7))
    case("avg_pool", lambda x: F.avg_pool2d(x, 3, 2, 1), x=normal(2, 3, 8, 7))
    case("avg_pool_inside", lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False), x=normal(2, 3, 8, 7))
    save("composites.safetensors", tensors)


def turn_pairs(x, angles, gain=None):
    """Channels 2i and 2i + 1 as a complex number, turned by angle i."""
    scaled = x if gain is None else x * gain
    pairs = torch.view_as_complex(scaled.reshape(*x.shape[:-1], -1, 2))
    return torch.view_as_real(pairs * torch.polar(torch.ones_like(angles), angles)).reshape(x.shape)


def rope_angles(y, x, head_dim):
    """[..., tokens] -> [..., tokens, head_dim / 2]: the first half turns with y, the second with x."""
    frequencies = 100.0 ** (-torch.arange(head_dim // 4).double() / (head_dim // 4))
    return torch.cat([y[..., None] * frequencies, x[..., None] * frequencies], -1)


def block():
    """One block of `arch: joint`: 2 x 3 image tokens, 4 text tokens, 3 points."""
    hidden, heads, inner, head_dim = 16, 2, 48, 8
    cells = torch.cartesian_prod(torch.arange(2.0), torch.arange(3.0)).double() - torch.tensor([0.5, 1.0])

    def run(x, text, pose, pose_y, pose_x, visible, modulation, **w):
        def by_head(tokens, name):
            return (tokens @ w[name]).unflatten(-1, (heads, head_dim)).transpose(1, 2)

        def key(tokens, name, gain):
            return F.rms_norm(by_head(tokens, name), [head_dim], w[gain], 1e-6)

        shift1, scale1, gate1, shift2, scale2, gate2 = modulation[:, None].unbind(2)
        normal1 = F.rms_norm(x, [hidden], eps=1e-6) * (1 + scale1) + shift1
        grid = rope_angles(cells[:, 0], cells[:, 1], head_dim)
        points = rope_angles(pose_y, pose_x, head_dim)[:, None]
        query = turn_pairs(key(normal1, "attn.q", "attn.q_norm"), grid)
        keys = [
            turn_pairs(key(normal1, "attn.k", "attn.k_norm"), grid),
            key(text, "attn.context_k", "attn.context_k_norm"),
            turn_pairs(key(pose, "attn.context_k", "attn.context_k_norm"), points.expand(-1, heads, -1, -1)),
        ]
        values = [by_head(normal1, "attn.v"), by_head(text, "attn.context_v"), by_head(pose, "attn.context_v")]
        mask = F.pad(visible > 0, (6, 0), value=True)[:, None, None, :]
        mixed = F.scaled_dot_product_attention(query, torch.cat(keys, 2), torch.cat(values, 2), attn_mask=mask)
        middle = x + gate1 * (mixed.transpose(1, 2).flatten(2) @ w["attn.out"])
        normal2 = F.rms_norm(middle, [hidden], eps=1e-6) * (1 + scale2) + shift2
        return middle + gate2 * ((F.silu(normal2 @ w["mlp.gate"]) * (normal2 @ w["mlp.up"])) @ w["mlp.down"])

    # Powers of two keep the numbers exact in f32.
    weights = {f"attn.{part}": normal(hidden, hidden) / 4 for part in ["q", "k", "v", "context_k", "context_v", "out"]}
    weights |= {f"attn.{part}": normal(head_dim) for part in ["q_norm", "k_norm", "context_k_norm"]}
    weights |= {"mlp.gate": normal(hidden, inner) / 4, "mlp.up": normal(hidden, inner) / 4, "mlp.down": normal(inner, hidden) / 8}
    inputs = {"x": normal(2, 6, hidden), "text": normal(2, 4, hidden), "pose": normal(2, 3, hidden), "pose_y": normal(2, 3), "pose_x": normal(2, 3)}
    inputs |= {"visible": torch.tensor([[1, 1, 0, 0, 1, 0, 1], [1, 1, 1, 0, 0, 1, 1]]), "modulation": normal(2, 6, hidden)}
    tensors = {}
    record(tensors, "block", inputs | weights, run)
    save("block.safetensors", tensors)


def cross_block():
    """One block of `arch: cross`: 2 x 3 image tokens; context of 3 text tokens, CLS, a 4 x 3 grid of features and 2 points."""
    hidden, heads, inner, head_dim = 16, 2, 48, 8
    grid = lambda rows, columns: torch.cartesian_prod(torch.arange(rows).double(), torch.arange(columns).double()) - torch.tensor([rows - 1, columns - 1]) / 2
    image, features = grid(2, 3), grid(4, 3) * torch.tensor([0.5, 1.0])

    def run(x, text, cls, patches, pose, pose_y, pose_x, visible, modulation, **w):
        def by_head(tokens, name):
            return (tokens @ w[name]).unflatten(-1, (heads, head_dim)).transpose(1, 2)

        def key(tokens, name):
            return F.rms_norm(by_head(tokens, name), [head_dim], w[f"{name}_norm"], 1e-6)

        def join(mixed, name):
            return mixed.transpose(1, 2).flatten(2) @ w[f"{name}.out"]

        parts = iter(modulation[:, None].unbind(2))

        def branch(x, fn):
            shift, scale, gate = next(parts), next(parts), next(parts)
            return x + gate * fn(F.rms_norm(x, [hidden], eps=1e-6) * (1 + scale) + shift)

        places = rope_angles(image[:, 0], image[:, 1], head_dim)
        feature_places = rope_angles(features[:, 0], features[:, 1], head_dim)
        points = rope_angles(pose_y, pose_x, head_dim)[:, None].expand(-1, heads, -1, -1)

        def attend_self(x):
            query, own = turn_pairs(key(x, "attn.q"), places), turn_pairs(key(x, "attn.k"), places)
            return join(F.scaled_dot_product_attention(query, own, by_head(x, "attn.v")), "attn")

        def attend_context(x):
            keys = [key(text, "cross.k"), key(cls, "cross.k"), turn_pairs(key(patches, "cross.k"), feature_places), turn_pairs(key(pose, "cross.k"), points)]
            values = by_head(torch.cat([text, cls, patches, pose], 1), "cross.v")
            mask = visible[:, None, None, :] > 0
            query = turn_pairs(key(x, "cross.q"), places)
            return join(F.scaled_dot_product_attention(query, torch.cat(keys, 2), values, attn_mask=mask), "cross")

        mlp = lambda x: (F.silu(x @ w["mlp.gate"]) * (x @ w["mlp.up"])) @ w["mlp.down"]
        return branch(branch(branch(x, attend_self), attend_context), mlp)

    # Powers of two keep the numbers exact in f32.
    weights = {f"{name}.{part}": normal(hidden, hidden) / 4 for name in ["attn", "cross"] for part in ["q", "k", "v", "out"]}
    weights |= {f"{name}.{part}_norm": normal(head_dim) for name in ["attn", "cross"] for part in ["q", "k"]}
    weights |= {"mlp.gate": normal(hidden, inner) / 4, "mlp.up": normal(hidden, inner) / 4, "mlp.down": normal(inner, hidden) / 8}
    inputs = {"x": normal(2, 6, hidden), "text": normal(2, 3, hidden), "cls": normal(2, 1, hidden), "patches": normal(2, 12, hidden)}
    inputs |= {"pose": normal(2, 2, hidden), "pose_y": normal(2, 2), "pose_x": normal(2, 2)}
    # The second sample has one text token and neither features nor the second point.
    seen = [[1, 1, 0, 1] + [1] * 12 + [0, 1], [1, 0, 0, 1] + [0] * 12 + [1, 0]]
    inputs |= {"visible": torch.tensor(seen), "modulation": normal(2, 9, hidden)}
    tensors = {}
    record(tensors, "block", inputs | weights, run)
    save("cross-block.safetensors", tensors)


def newton_schulz(x, coefficients, steps, eps):
    """As torch.optim.Muon has it, but in the dtype of x: its own is bfloat16, which is no oracle."""
    a, b, c = coefficients
    is_tall = x.size(0) > x.size(1)
    x = x.T if is_tall else x
    x = x / x.norm().clamp(min=eps)
    for _ in range(steps):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.T if is_tall else x


def optimizers():
    tensors = {}
    torch_muon._zeropower_via_newtonschulz = newton_schulz
    for name, shape in [("wide", (4, 7)), ("tall", (6, 3))]:
        x = normal(*shape)
        tensors |= {f"newton_schulz/{name}": x, f"newton_schulz/{name}.y": newton_schulz(x, (3.4445, -4.775, 2.0315), 5, 1e-7)}

    adamw = lambda params: torch.optim.AdamW(
        [{"params": params[:1]}, {"params": params[1:], "weight_decay": 0.0}], lr=0.02, betas=(0.9, 0.99), eps=1e-8, weight_decay=0.1
    )
    muon = lambda scaling: lambda params: torch.optim.Muon(
        params, lr=0.02, weight_decay=0.1, momentum=0.95, nesterov=True, adjust_lr_fn=scaling
    )
    runs = {"adamw": (adamw, [(4, 3), (5,)]), "muon_rms": (muon("match_rms_adamw"), [(4, 7), (6, 3)]), "muon_original": (muon("original"), [(4, 7), (6, 3)])}
    for run, (make, shapes) in runs.items():
        params = [torch.nn.Parameter(normal(*shape)) for shape in shapes]
        averages = [torch.zeros_like(p) for p in params]
        optimizer = make(params)
        for i, p in enumerate(params):
            tensors[f"{run}/start.{i}"] = p.detach().clone()
        for step in range(1, 4):
            for i, p in enumerate(params):
                p.grad = normal(*p.shape)
                tensors[f"{run}/grad.{step}.{i}"] = p.grad
            optimizer.step()
            # The power-function average with gamma 6.94 (arXiv 2312.02696).
            keep = (1 - 1 / step) ** 7.94
            averages = [keep * a + (1 - keep) * p.detach() for a, p in zip(averages, params)]
            for i, p in enumerate(params):
                tensors[f"{run}/weight.{step}.{i}"] = p.detach().clone()
                tensors[f"{run}/ema.{step}.{i}"] = averages[i]
    save("optimizers.safetensors", tensors)


def hybrid_optimizer():
    """The seed's: Muon on all parameters of two axes, AdamW on the others at another rate, decay on all, clipping."""
    tensors = {}
    shapes = {"map": (7, 4), "table": (5, 3), "bias": (6,), "null": (1, 1, 4)}
    for scaling in ["match_rms_adamw", "original"]:
        params = {name: torch.nn.Parameter(normal(*shape)) for name, shape in shapes.items()}
        matrices = [p for p in params.values() if p.dim() == 2]
        others = [p for p in params.values() if p.dim() != 2]
        optimizers = [
            torch.optim.Muon(matrices, lr=0.02, weight_decay=0.1, momentum=0.95, nesterov=True, adjust_lr_fn=scaling),
            torch.optim.AdamW(others, lr=0.005, betas=(0.9, 0.99), eps=1e-8, weight_decay=0.1),
        ]
        for name, p in params.items():
            tensors[f"{scaling}/start.{name}"] = p.detach().clone()
        for step in range(1, 4):
            for name, p in params.items():
                p.grad = normal(*p.shape)
                tensors[f"{scaling}/grad.{step}.{name}"] = p.grad.clone()
            tensors[f"{scaling}/norm.{step}"] = torch.nn.utils.clip_grad_norm_(params.values(), 1.0).reshape(1)
            for optimizer in optimizers:
                optimizer.step()
            for name, p in params.items():
                tensors[f"{scaling}/weight.{step}.{name}"] = p.detach().clone()
    save("hybrid-optimizer.safetensors", tensors)


if __name__ == "__main__":
    os.makedirs(TARGET, exist_ok=True)
    composites()
    block()
    optimizers()
    # Last, so that it leaves the numbers of the others as they are.
    cross_block()
    hybrid_optimizer()
