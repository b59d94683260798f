"""Writes gpu-runner/compiler/targets/stablehlo/testdata/fmha-*.mlir: attention with cuDNN's kernels, as jax lowers it.

Run from the root of the repository: python3 tools/make-fused-attention-goldens.py (needs jax; made with jax 0.11.2).
It needs no GPU and no cuDNN: it only lowers, and the checks of versions and of the device are replaced.
"""

import os

import jax
import jax._src.cudnn.fused_attention_stablehlo as fused
import jax.numpy as jnp

TARGET = os.path.join("gpu-runner", "compiler", "targets", "stablehlo", "testdata")
BATCH, QUERIES, KEYS, HEADS, DIM = 2, 128, 192, 4, 64

fused.check_cudnn_version = lambda: 91300
fused.check_compute_capability = lambda capability: True
fused.is_cuda_compute_capability_equal = lambda capability: False


def spec(*shape, dtype=jnp.bfloat16):
    return jax.ShapeDtypeStruct(shape, dtype)


query = spec(BATCH, QUERIES, HEADS, DIM)
keys = spec(BATCH, KEYS, HEADS, DIM)
lengths = spec(BATCH, dtype=jnp.int32)


def attend(q, k, v, **options):
    return jax.nn.dot_product_attention(q, k, v, implementation="cudnn", **options)


def gradients(forward, cotangent):
    output, backward = forward
    return output, *backward(cotangent)


def train0(q, k, v, ct):
    return gradients(jax.vjp(lambda q, k, v: attend(q, k, v), q, k, v), ct)


def trainm(q, k, v, mask, ct):
    return gradients(jax.vjp(lambda q, k, v: attend(q, k, v, mask=mask), q, k, v), ct)


def train(q, k, v, queries_seen, keys_seen, ct):
    seen = {"query_seq_lengths": queries_seen, "key_value_seq_lengths": keys_seen}
    return gradients(jax.vjp(lambda q, k, v: attend(q, k, v, **seen), q, k, v), ct)


GOLDENS = {
    "fmha-train-nomask": (train0, (query, keys, keys, query)),
    "fmha-train-mask": (trainm, (query, keys, keys, spec(BATCH, 1, QUERIES, KEYS, dtype=jnp.bool_), query)),
    "fmha-train": (train, (query, keys, keys, lengths, lengths, query)),
}

for name, (function, specs) in GOLDENS.items():
    text = jax.jit(function).trace(*specs).lower(lowering_platforms=("cuda",)).as_text()
    with open(os.path.join(TARGET, f"{name}.mlir"), "w") as file:
        file.write(text)
    print(name, text.count("@__cudnn"))
