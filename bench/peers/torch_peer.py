"""Time of one forward and backward pass in PyTorch, as JSON lines { mode, version, params, ms }.

python bench/peers/torch_peer.py [--config JSON] [--threads N] [--runs N]      (pip install torch numpy)
Without --config it times the lab network, with --config the model of nanodit.py, which documents JSON.
"""

import argparse
import json
import math
import sys
import time

import torch

import lab_net
import nanodit


def build(config):
    """A module whose forward pass returns the loss, and its inputs."""
    torch.manual_seed(0)
    if config is None:
        return lab_net.LabNet(), lab_net.random_inputs()
    return nanodit.NanoDit(config), nanodit.random_inputs(config)


def measure(mode, config, runs):
    net, inputs = build(config)
    forward = torch.compile(net) if mode == "compile" else net

    def step():
        net.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=mode == "autocast-bf16"):
            loss = forward(**inputs)
        loss.backward()

    for _ in range(2):
        step()
    best = math.inf
    for _ in range(runs):
        start = time.perf_counter()
        step()
        best = min(best, time.perf_counter() - start)
    return {"params": sum(p.numel() for p in net.parameters()), "ms": best * 1000}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=json.loads)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--runs", type=int, default=10)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for mode in ("eager", "compile", "autocast-bf16"):
        try:
            row = {"mode": mode, "version": torch.__version__, **measure(mode, options.config, options.runs)}
        except Exception as error:  # torch.compile needs a C++ compiler, and some machines have none
            print(f"torch {mode} did not run: {str(error).splitlines()[0]}", file=sys.stderr)
            continue
        print(json.dumps(row), flush=True)


main()
