"""Writes gpu-runner/encoders/lpips/testdata/: distances and gradients by the Python package lpips 0.1.4.

Run from the root of the repository: python3 tools/make-lpips-goldens.py (needs torch, torchvision, lpips, numpy and
safetensors; made with torch 2.15.0, torchvision 0.29.2). The networks are the packages' own, in f64, with weights and
pictures that testing/hashed-numbers.ts makes, too. So the files hold results alone: for each net `distance` [2] and
`gradient` of their sum by the first picture, [2, 3, height, width], as f32; and `levels` [2], the distance of the same
pictures as whole numbers from 0 to 255.
"""

import os

import lpips
import numpy
import safetensors.numpy
import torch
import torchvision

TARGET = os.path.join("gpu-runner", "encoders", "lpips", "testdata")
SHAPE = (2, 3, 36, 43)
TRUNKS = {"alex": "alexnet", "vgg": "vgg16", "squeeze": "squeezenet1_1"}


def uniform(name, shape):
    """Numbers in [0, 1), f32: element i is a hash of i and of the name."""
    seed = 2166136261
    for byte in name.encode():
        seed = ((seed ^ byte) * 16777619) % 2**32
    x = (numpy.arange(numpy.prod(shape), dtype=numpy.uint64) * 2654435761 + seed) % 2**32
    for _ in range(2):
        x = ((x ^ (x >> numpy.uint64(16))) * 0x45D9F3B) % 2**32
    x = x ^ (x >> numpy.uint64(16))
    return (x / 2**32).astype("float32").reshape(shape)


def weights(net, name, shape):
    u = uniform(f"{net}.{name}", shape)
    if name.startswith("lin"):
        return u
    if name.endswith("bias"):
        return (u - numpy.float32(0.5)) * numpy.float32(0.25)
    return (u - numpy.float32(0.5)) * numpy.float32((24 / numpy.prod(shape[1:])) ** 0.5)


def main():
    os.makedirs(TARGET, exist_ok=True)
    results = {}
    for net, trunk in TRUNKS.items():
        metric = lpips.LPIPS(net=net, pnet_rand=True, pretrained=False, verbose=False)
        # The layers of LPIPS are those of torchvision's `features`, in slices that keep their indices.
        state = {name: x for name, x in getattr(torchvision.models, trunk)().state_dict().items() if name.startswith("features")}
        with torch.no_grad():
            for part, module in metric.net.named_children():
                for name, parameter in module.named_parameters():
                    full = f"features.{name}"
                    assert state[full].shape == parameter.shape
                    parameter.copy_(torch.from_numpy(weights(net, full, tuple(parameter.shape))))
            for name, parameter in metric.named_parameters():
                if name.startswith("lin") and not name.startswith("lins"):
                    parameter.copy_(torch.from_numpy(weights(net, name, tuple(parameter.shape))))
        metric = metric.double()
        first, second = (torch.from_numpy(uniform(name, SHAPE) * 2 - 1).double() for name in ("first", "second"))
        first.requires_grad_(True)
        distance = metric(first, second).reshape(-1)
        (gradient,) = torch.autograd.grad(distance.sum(), [first])
        results[f"{net}.distance"] = distance.detach().numpy().astype("float32")
        levels = [torch.floor((x.detach() + 1) * 128) / 127.5 - 1 for x in (first, second)]
        results[f"{net}.levels"] = metric(*levels).detach().reshape(-1).numpy().astype("float32")
        results[f"{net}.gradient"] = gradient.numpy().astype("float32")
    safetensors.numpy.save_file(results, os.path.join(TARGET, "lpips.safetensors"))


main()
