"""Writes the goldens of T5EncoderModel that ModelGoldenTest compares with: tiny random models of transformers, inputs, outputs, gradients.

    python make_t5_goldens.py [FOLDER]        needs torch, transformers, safetensors

The files are those of make_model_goldens.py. VERSIONS-t5.json tells seeds and versions.
"""

import json
import sys
from pathlib import Path

import safetensors.torch
import torch
import transformers
from transformers import T5Config, T5EncoderModel

LARGEST_GRADIENT = 600

MODELS = {
    "t5_relu": dict(  # few buckets: most distances share one
        seed=11, length=20,
        config=dict(feed_forward_proj="relu", relative_attention_num_buckets=10, relative_attention_max_distance=13),
    ),
    "t5_gated_gelu": dict(  # the buckets of the real models, every one of them
        seed=12, length=150, config=dict(feed_forward_proj="gated-gelu", d_kv=5, num_heads=3, layer_norm_epsilon=1e-3)
    ),
    "t5_gelu": dict(seed=13, length=6, config=dict(feed_forward_proj="gelu", num_layers=1, initializer_factor=0.5)),
}
DEFAULTS = dict(vocab_size=20, d_model=8, d_kv=4, d_ff=24, num_layers=2, num_heads=2)


def golden(folder, name, seed, length, config):
    torch.manual_seed(seed)
    model = T5EncoderModel(T5Config(**(DEFAULTS | config))).eval()
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if parameter.ndim == 1:
                parameter += 0.3 * torch.randn_like(parameter)
            if "relative_attention_bias" in key:
                parameter *= 5  # else the buckets hardly matter
    ids = torch.randint(0, 20, (2, length))
    output = model(ids).last_hidden_state
    target = torch.randn_like(output)
    torch.nn.functional.mse_loss(output, target).backward()
    values = {"input.input_ids": ids, "output.last_hidden_state": output.detach(), "target.last_hidden_state": target}
    for key, parameter in model.named_parameters():
        if parameter.numel() <= LARGEST_GRADIENT:
            values[f"gradient.{key}"] = parameter.grad
    where = folder / name
    where.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(where)  # the names are those that transformers writes
    (where / "model.safetensors").rename(where / "weights.safetensors")
    safetensors.torch.save_file({key: value.contiguous() for key, value in values.items()}, where / "values.safetensors")


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent / "resources" / "goldens"
    torch.set_num_threads(1)
    for name, options in MODELS.items():
        golden(folder, name, **options)
    seeds = {name: options["seed"] for name, options in MODELS.items()}
    versions = dict(torch=torch.__version__, transformers=transformers.__version__)
    (folder / "VERSIONS-t5.json").write_text(json.dumps(dict(seeds=seeds, versions=versions), indent=1) + "\n")


if __name__ == "__main__":
    main()
