"""Time of one forward and backward pass in compiled PyTorch, bf16, as a JSON line.

python bench/peers/torch_gpu.py --config JSON [--device cuda|cpu] [--runs N]
JSON is documented in nanodit.py. Inputs lie on the device. Before the pass is compiled, each kernel for attention that
takes a mask runs alone, forward and backward, at the sizes of the network; the pass uses the fastest.
Prints { mode, attention, version, params, ms, peak_bytes }. `ms` is the median; `peak_bytes` is null on a CPU.
"""

import argparse
import contextlib
import json
import statistics
import sys
import time

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

import nanodit

KERNELS = ("CUDNN_ATTENTION", "EFFICIENT_ATTENTION", "FLASH_ATTENTION", "MATH")


def median_ms(step, runs, device):
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    times = []
    for i in range(runs + 3):
        wait()
        start = time.perf_counter()
        step()
        wait()
        if i >= 3:
            times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)


def attention_shapes(config):
    """Queries [batch, heads, n, dim], and the number of keys of the widest attention."""
    model, shape = config["model"], config["shape"]
    conditions, heads = model.get("conditions") or {}, model["num_heads"]
    tokens = (shape["height"] // model["patch_size"]) * (shape["width"] // model["patch_size"])
    context = (shape["textTokens"] if conditions.get("text") else 0) + (133 if conditions.get("pose") else 0)
    if model["arch"] == "cross" and (patches := conditions.get("patches")):
        context += (shape["height"] // patches["stride"]) * (shape["width"] // patches["stride"])
    keys = context if model["arch"] == "cross" else tokens + context
    return (shape["batch"], heads, tokens, model["hidden_size"] // heads), max(keys, 1)


def choose_attention(config, device):
    """The name of the fastest kernel that runs; None leaves the choice to PyTorch."""
    if device == "cpu":
        return None
    (batch, heads, tokens, dim), keys = attention_shapes(config)
    make = lambda n: torch.randn(batch, heads, n, dim, device=device, dtype=torch.bfloat16, requires_grad=True)
    query, key, value = make(tokens), make(keys), make(keys)
    mask = (torch.rand(batch, 1, 1, keys, device=device) > 0.2) | (torch.arange(keys, device=device) == 0)
    best = {}
    for name in KERNELS:

        def step():
            with sdpa_kernel([getattr(SDPBackend, name)]):
                F.scaled_dot_product_attention(query, key, value, attn_mask=mask).sum().backward()

        try:
            best[name] = median_ms(step, 3, device)
        except RuntimeError as error:
            print(f"torch attention {name} did not run: {str(error).splitlines()[0]}", file=sys.stderr)
    print(f"torch attention alone, ms: {best}", file=sys.stderr)
    return min(best, key=best.get) if best else None


def measure(config, device, runs):
    torch.manual_seed(0)
    torch.set_float32_matmul_precision("high")
    attention = choose_attention(config, device)
    net, inputs = nanodit.NanoDit(config).to(device), nanodit.random_inputs(config, device)
    forward = torch.compile(net)
    kernel = (lambda: sdpa_kernel([getattr(SDPBackend, attention)])) if attention else contextlib.nullcontext

    def step():
        net.zero_grad(set_to_none=True)
        with kernel(), torch.autocast(device, dtype=torch.bfloat16):
            loss = forward(**inputs)
        loss.backward()

    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    ms = median_ms(step, runs, device)
    peak = torch.cuda.max_memory_allocated() if device == "cuda" else None
    params = sum(p.numel() for p in net.parameters())
    return {"mode": "compile bf16", "attention": attention or "default", "params": params, "ms": ms, "peak_bytes": peak}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=json.loads, required=True)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--runs", type=int, default=10)
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        sys.exit(f"torch {torch.__version__} sees no GPU")
    print(json.dumps({"version": torch.__version__, **measure(options.config, options.device, options.runs)}))


main()
