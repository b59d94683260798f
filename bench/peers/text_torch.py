"""Time of one forward pass of a text encoder by Hugging Face transformers: JSON lines { mode, version, ms, cpu_ms }.

python bench/peers/text_torch.py --net minilm-l6|t5-base|t5-large --batch N --length N [--threads N] [--runs N]
(pip install torch transformers). Weights are random. `ms` is the fastest run, `cpu_ms` the least processor time.
"""

import argparse
import json
import math
import time

import torch
from transformers import BertConfig, BertModel, T5Config, T5EncoderModel

NETS = {
    "minilm-l6": lambda: BertModel(
        BertConfig(hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536)
    ),
    "t5-base": lambda: T5EncoderModel(T5Config(d_model=768, d_kv=64, d_ff=3072, num_layers=12, num_heads=12)),
    "t5-large": lambda: T5EncoderModel(T5Config(d_model=1024, d_kv=64, d_ff=4096, num_layers=24, num_heads=16)),
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--net", choices=NETS)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--length", type=int)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    net = NETS[options.net]().eval()
    shape = (options.batch, options.length)
    ids, mask = torch.randint(0, 1000, shape), torch.ones(shape, dtype=torch.long)
    for mode in ("eager", "autocast-bf16"):
        ms, cpu_ms = math.inf, math.inf
        with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=mode == "autocast-bf16"):
            for run in range(options.runs + 1):
                start, used = time.perf_counter(), time.process_time()
                net(input_ids=ids, attention_mask=mask)
                # The first run warms up.
                if run > 0:
                    ms = min(ms, 1000 * (time.perf_counter() - start))
                    cpu_ms = min(cpu_ms, 1000 * (time.process_time() - used))
        print(json.dumps({"mode": mode, "version": torch.__version__, "ms": ms, "cpu_ms": cpu_ms}), flush=True)


main()
