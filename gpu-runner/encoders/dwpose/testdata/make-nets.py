"""Writes detector.onnx and pose.onnx: networks of the kinds of YOLOX and RTMPose, tiny and with random weights.

They have the operators and the forms of input and output of yolox_l.onnx and dw-ll_ucoco_384.onnx, written from the
papers (arXiv 2107.08430, 2303.07399). Run with PyTorch:  python make-nets.py
"""
import math
from pathlib import Path

import onnx
import torch
from torch import nn
from torch.nn import functional as F

HERE = Path(__file__).parent


class Conv(nn.Module):
    def __init__(self, ins, outs, kernel=1, stride=1, groups=1):
        super().__init__()
        self.conv = nn.Conv2d(ins, outs, kernel, stride, kernel // 2, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(outs, eps=1e-3)

    def forward(self, x):
        x = self.norm(self.conv(x))
        return x * torch.sigmoid(x)


class Bottleneck(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.first, self.second = Conv(width, width), Conv(width, width, 3)

    def forward(self, x):
        return x + self.second(self.first(x))


class Csp(nn.Module):
    """Cross-stage partial layer; `attend` adds the channel attention of CSPNeXt."""

    def __init__(self, ins, outs, block, attend=False):
        super().__init__()
        half = outs // 2
        self.main, self.short, self.last = Conv(ins, half), Conv(ins, half), Conv(outs, outs)
        self.block = block(half)
        self.gate = nn.Conv2d(outs, outs, 1) if attend else None

    def forward(self, x):
        both = torch.cat([self.block(self.main(x)), self.short(x)], dim=1)
        if self.gate is not None:
            both = both * F.hardsigmoid(self.gate(F.adaptive_avg_pool2d(both, 1)))
        return self.last(both)


class Spp(nn.Module):
    def __init__(self, ins, outs):
        super().__init__()
        self.first, self.last = Conv(ins, ins // 2), Conv(ins * 2, outs)

    def forward(self, x):
        x = self.first(x)
        return self.last(torch.cat([x] + [F.max_pool2d(x, k, 1, k // 2) for k in (5, 9, 13)], dim=1))


class Detector(nn.Module):
    """Focus, CSP stages, SPP, a pyramid of features, a decoupled head: [1, 3, h, w] to [1, places, 5 + classes]."""

    def __init__(self, classes=3):
        super().__init__()
        self.stem = Conv(12, 4, 3)
        self.two = nn.Sequential(Conv(4, 6, 3, 2), Csp(6, 6, Bottleneck))
        self.three = nn.Sequential(Conv(6, 8, 3, 2), Csp(8, 8, Bottleneck))
        self.four = nn.Sequential(Conv(8, 8, 3, 2), Csp(8, 8, Bottleneck))
        self.five = nn.Sequential(Conv(8, 8, 3, 2), Spp(8, 8), Csp(8, 8, Bottleneck))
        self.lateral, self.up = Conv(8, 8), Csp(16, 8, Bottleneck)
        self.lateral2, self.up2 = Conv(8, 8), Csp(16, 8, Bottleneck)
        self.down, self.mix = Conv(8, 8, 3, 2), Csp(16, 8, Bottleneck)
        self.down2, self.mix2 = Conv(8, 8, 3, 2), Csp(16, 8, Bottleneck)
        self.stems = nn.ModuleList(Conv(8, 4) for _ in range(3))
        self.cls_convs = nn.ModuleList(Conv(4, 4, 3) for _ in range(3))
        self.reg_convs = nn.ModuleList(Conv(4, 4, 3) for _ in range(3))
        self.cls = nn.ModuleList(nn.Conv2d(4, classes, 1) for _ in range(3))
        self.reg = nn.ModuleList(nn.Conv2d(4, 4, 1) for _ in range(3))
        self.obj = nn.ModuleList(nn.Conv2d(4, 1, 1) for _ in range(3))

    def forward(self, images):
        x = torch.cat(
            [images[..., ::2, ::2], images[..., 1::2, ::2], images[..., ::2, 1::2], images[..., 1::2, 1::2]], dim=1
        )
        third = self.three(self.two(self.stem(x / 128)))
        fourth = self.four(third)
        top = self.lateral(self.five(fourth))
        middle = self.lateral2(self.up(torch.cat([F.interpolate(top, scale_factor=2, mode="nearest"), fourth], 1)))
        fine = self.up2(torch.cat([F.interpolate(middle, scale_factor=2, mode="nearest"), third], 1))
        mid = self.mix(torch.cat([self.down(fine), middle], 1))
        coarse = self.mix2(torch.cat([self.down2(mid), top], 1))
        outputs = []
        for i, feature in enumerate([fine, mid, coarse]):
            x = self.stems[i](feature)
            kind, place = self.cls_convs[i](x), self.reg_convs[i](x)
            outputs.append(torch.cat([self.reg[i](place), self.obj[i](place).sigmoid(), self.cls[i](kind).sigmoid()], 1))
        return torch.cat([each.flatten(start_dim=2) for each in outputs], dim=2).permute(0, 2, 1)


class NextBlock(nn.Module):
    """Block of CSPNeXt: a 3 x 3 convolution, then a depthwise one of 5 x 5 and a pointwise one."""

    def __init__(self, width):
        super().__init__()
        self.first, self.deep, self.point = Conv(width, width, 3), Conv(width, width, 5, groups=width), Conv(width, width)

    def forward(self, x):
        return x + self.point(self.deep(self.first(x)))


class ScaleNorm(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.scale = dim**-0.5
        self.gain = nn.Parameter(torch.ones(1))

    def forward(self, x):
        return x / (torch.norm(x, dim=2, keepdim=True) * self.scale).clamp(min=1e-5) * self.gain


class GatedAttention(nn.Module):
    """Gated attention unit (arXiv 2202.10447) with squared ReLU attention."""

    def __init__(self, dim, s):
        super().__init__()
        self.e, self.s = 2 * dim, s
        self.norm = ScaleNorm(dim)
        self.uv = nn.Linear(dim, 2 * self.e + s, bias=False)
        self.gamma, self.beta = nn.Parameter(torch.rand(2, s)), nn.Parameter(torch.rand(2, s))
        self.out = nn.Linear(self.e, dim, bias=False)
        self.scale = nn.Parameter(torch.ones(dim))

    def forward(self, x):
        uv = F.silu(self.uv(self.norm(x)))
        u, v, base = torch.split(uv, [self.e, self.e, self.s], dim=2)
        base = base.unsqueeze(2) * self.gamma[None, None, :] + self.beta
        q, k = torch.unbind(base, dim=2)
        kernel = torch.square(F.relu(torch.bmm(q, k.permute(0, 2, 1)) / math.sqrt(self.s)))
        return x * self.scale + self.out(u * torch.bmm(kernel, v))


class Pose(nn.Module):
    """[n, 3, h, w] to maxima along rows and columns: [n, 133, 2 w] and [n, 133, 2 h]."""

    def __init__(self, height, width, joints=133, hidden=12):
        super().__init__()
        self.stages = nn.Sequential(
            Conv(3, 4, 3, 2),
            Conv(4, 4, 3, 2),
            Csp(4, 4, NextBlock, attend=True),
            Conv(4, 6, 3, 2),
            Csp(6, 6, NextBlock, attend=True),
            Conv(6, 6, 3, 2),
            Spp(6, 6),
            Conv(6, 4, 3, 2),
            Csp(4, 4, NextBlock, attend=True),
        )
        self.final = nn.Conv2d(4, joints, 3, padding=1)
        self.mlp = nn.Sequential(ScaleNorm(height * width // 1024), nn.Linear(height * width // 1024, hidden, bias=False))
        self.gau = GatedAttention(hidden, 8)
        self.x, self.y = nn.Linear(hidden, 2 * width, bias=False), nn.Linear(hidden, 2 * height, bias=False)

    def forward(self, image):
        tokens = self.gau(self.mlp(self.final(self.stages(image)).flatten(2)))
        return self.x(tokens), self.y(tokens)


def randomize(net):
    """Activations of about unit size, and scores on both sides of every threshold."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.2, 0.6)
            nn.init.normal_(module.weight, 1.5, 0.3)
            nn.init.normal_(module.bias, 0, 0.5)
    return net.eval()


def write(net, name, image, opset, **names):
    path = HERE / name
    torch.onnx.export(net, (image,), str(path), opset_version=opset, dynamo=False, **names)
    model = onnx.load(path)
    model.graph.doc_string = ""
    for node in model.graph.node:
        node.doc_string = ""
    onnx.save(model, path)
    print(name, path.stat().st_size, sorted({node.op_type for node in model.graph.node}))


torch.manual_seed(1)
detector = randomize(Detector())
with torch.no_grad():
    for i in range(3):
        detector.obj[i].weight *= 6
        detector.cls[i].weight *= 6
        detector.reg[i].weight *= 3
        detector.cls[i].bias[0] += 1
write(detector, "detector.onnx", torch.rand(1, 3, 64, 64) * 255, 11, input_names=["images"], output_names=["output"])
torch.manual_seed(2)
pose = randomize(Pose(96, 64))
with torch.no_grad():
    pose.x.weight *= 0.5
    pose.y.weight *= 0.5
batch = {name: {0: "batch"} for name in ["input", "simcc_x", "simcc_y"]}
write(
    pose,
    "pose.onnx",
    torch.randn(1, 3, 96, 64),
    11,
    input_names=["input"],
    output_names=["simcc_x", "simcc_y"],
    dynamic_axes=batch,
)
