"""Writes formats/testdata/: state dicts by PyTorch's own `torch.save`, against which our reader of its files is tested.

Run from the root of the repository: python3 tools/make-torch-file-goldens.py (needs torch and numpy; made with torch
2.15.0). Every tensor has distinct values, so that a swap shows.
"""

import collections
import os

import torch

TARGET = os.path.join("formats", "testdata")


def save(name, value):
    torch.save(value, os.path.join(TARGET, name), _use_new_zipfile_serialization=False)


def state():
    grid = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4) * 0.5 - 3
    whole = torch.arange(10, dtype=torch.float32) + 100
    tensors = collections.OrderedDict(
        [
            ("plain", grid),
            # TensorFlow's order of axes.
            ("permuted", grid.permute(2, 0, 1)),
            ("part", whole[2:5]),
            ("other_part", whole[1::3]),
            ("tied", grid),
            ("scalar", torch.tensor(3.25)),
            ("empty", torch.zeros(0, 4)),
            ("half", torch.tensor([0.5, -1.25, 65504.0, float("inf")]).half()),
            ("brain", torch.tensor([1.0, -2.5]).bfloat16()),
            ("long", torch.tensor([-(2**31), 7, 2**31 - 1])),
            ("int", torch.tensor([[-5, 6]], dtype=torch.int32)),
            ("byte", torch.tensor([0, 255], dtype=torch.uint8)),
            ("bool", torch.tensor([True, False, True])),
            ("parameter", torch.nn.Parameter(torch.tensor([8.0, 9.0]))),
            ("__proto__", torch.tensor([11.0])),
        ]
    )
    # As `Module.state_dict` does.
    tensors._metadata = collections.OrderedDict([("", {"version": 1})])
    return tensors


def main():
    save("state.pth", state())
    save("large-int64.pth", {"x": torch.tensor([2**31])})
    save("double.pth", {"x": torch.tensor([1.0], dtype=torch.float64)})
    save("epoch.pth", {"epoch": 3, "model": {"x": torch.tensor([1.0])}})
    torch.save(state(), os.path.join(TARGET, "zip.pth"))


main()
