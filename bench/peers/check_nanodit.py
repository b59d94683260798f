"""Compares nanodit.py with one training step of our network: python bench/peers/check_nanodit.py FILE.

bench/torch-peer.process.test.ts writes FILE as safetensors: `in.<input>`, `model.<parameter>` (weights [in, out]),
`grad.<parameter>` and `loss` [batch]. Its metadata has `config` for nanodit.py. The script computes in f64. It prints
{ params, loss, gradient }: the number of parameters, and the largest errors relative to the largest element of each
tensor.
"""

import json
import sys

import torch

from nanodit import NanoDit


def read_safetensors(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = bytearray(file.read())
    metadata = header.pop("__metadata__")

    def load(info):
        values = torch.frombuffer(data[slice(*info["data_offsets"])], dtype=torch.float32)
        return values.view(info["shape"]).double()

    return json.loads(metadata["config"]), {name: load(info) for name, info in header.items()}


def our_name(name):
    """time_in.bias -> time.in_bias, blocks.0.attn.q.weight -> blocks.0.attn.q."""
    name = name.removesuffix(".weight").replace(".bias", "_bias")
    for part in ("patch", "time", "head"):
        name = name.replace(f"{part}_", f"{part}.", 1) if name.startswith(f"{part}_") else name
    return {"patch.up_bias": "patch.bias", "head.out_bias": "head.bias"}.get(name, name)


def error(expected, actual):
    return ((expected - actual).abs().max() / expected.abs().max().clamp(min=1e-6)).item()


def main():
    config, tensors = read_safetensors(sys.argv[1])
    net = NanoDit(config).double()
    linear = {f"{name}.weight" for name, module in net.named_modules() if isinstance(module, torch.nn.Linear)}
    turn = lambda name, tensor: tensor.T if name in linear else tensor
    net.load_state_dict({name: turn(name, tensors[f"model.{our_name(name)}"]) for name, _ in net.named_parameters()})
    loss = net(**{name.removeprefix("in."): tensor for name, tensor in tensors.items() if name.startswith("in.")})
    loss.backward()
    gradients = {
        our_name(name): error(tensors[f"grad.{our_name(name)}"], turn(name, p.grad))
        for name, p in net.named_parameters()
    }
    assert len(gradients) == sum(name.startswith("grad.") for name in tensors)
    params = sum(p.numel() for p in net.parameters())
    errors = {"loss": error(tensors["loss"].mean(), loss), "gradient": max(gradients.values())}
    print(json.dumps({"params": params, **errors}))


main()
