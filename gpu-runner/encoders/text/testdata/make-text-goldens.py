"""Goldens of bert.engine.test.ts and t5.engine.test.ts: small networks of Hugging Face transformers with random weights.

Each file has the weights under transformers' names, and `golden.ids`, `golden.lengths` and `golden.output`: the last
hidden states of rows of tokens, with padding behind the shorter rows.

python make-text-goldens.py
Needs: torch, transformers, safetensors.
"""
import os

import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertModel, T5Config, T5EncoderModel

HERE = os.path.dirname(os.path.abspath(__file__))


def randomize(model, seed):
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() == 1:
                weight.copy_(1 + 0.2 * torch.randn_like(weight) if "weight" in name else 0.2 * torch.randn_like(weight))
            elif "relative_attention_bias" in name:
                weight.normal_(0, 2)
            else:
                weight.normal_(0, 1.0 if "embed" in name or "shared" in name else 1.5 * weight.shape[-1] ** -0.5)
    return model.eval()


def write(name, model, vocabulary, lengths):
    torch.manual_seed(7)
    ids = torch.randint(0, vocabulary, (len(lengths), max(lengths)))
    mask = torch.tensor([[1] * length + [0] * (max(lengths) - length) for length in lengths])
    with torch.no_grad():
        output = model(input_ids=ids, attention_mask=mask).last_hidden_state
    tensors = {key: value.contiguous().clone() for key, value in model.state_dict().items()}
    # Tied: the files of the hub have one of the two.
    tensors.pop("encoder.embed_tokens.weight", None)
    tensors |= {"golden.ids": ids.int(), "golden.lengths": torch.tensor(lengths).int(), "golden.output": output}
    save_file(tensors, os.path.join(HERE, name))
    print(name, os.path.getsize(os.path.join(HERE, name)), float(output.std()))


def t5(kind):
    return T5Config(
        vocab_size=30, d_model=16, d_kv=12, d_ff=24, num_layers=2, num_heads=2, feed_forward_proj=kind, dropout_rate=0.0
    )


if __name__ == "__main__":
    bert = BertConfig(
        vocab_size=30, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=48, layer_norm_eps=1e-12,
    )
    write("bert.safetensors", randomize(BertModel(bert), 1), 30, [40, 17, 3])
    write("t5-relu.safetensors", randomize(T5EncoderModel(t5("relu")), 2), 30, [150, 40, 5])
    write("t5-gated-gelu.safetensors", randomize(T5EncoderModel(t5("gated-gelu")), 3), 30, [150, 40, 5])
