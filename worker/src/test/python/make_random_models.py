"""Tiny random models of diffusers and transformers, with configs drawn by seed, and what they compute: ModelInteropTest compares.

    python make_random_models.py OUT unet|autoencoder|text_encoder 1 2 3

Each OUT/SEED is what save_pretrained writes, and values.safetensors beside it: that of make_model_goldens.py, with the gradients of all
parameters, and `bf16.*`: the outputs of the same model in bf16.
"""

import math
import sys
from pathlib import Path

import make_model_goldens as goldens
import random_configs
import torch
from safetensors.torch import save_file

CALLS = {
    "sample": lambda model, sample, timestep, encoder_hidden_states, **_: model(sample, timestep, encoder_hidden_states).sample,
    "moments": lambda model, image, **_: model.encode(image).latent_dist.parameters,
    "image": lambda model, latents, **_: model.decode(latents).sample,
    "last_hidden_state": lambda model, input_ids: model(input_ids).last_hidden_state,
}


def roughen(model):
    """As that of the goldens; and layers pass variances on (fresh ones divide them by 3), so that gradients reach the deepest."""
    goldens.roughen(model)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter *= math.sqrt(3)


def write(folder, name, model, config, inputs, outputs, targets, prefix="", **_):
    values = goldens.values_of(model, inputs, outputs, targets, prefix, math.inf)
    model.save_pretrained(folder / name)
    half = type(model).from_pretrained(folder / name, torch_dtype=torch.bfloat16)
    rounded = {key: value.to(torch.bfloat16) if value.is_floating_point() else value for key, value in inputs.items()}
    with torch.no_grad():
        values |= {f"bf16.{key}": CALLS[key](half, **rounded).float() for key in outputs}
    save_file({key: value.contiguous() for key, value in values.items()}, folder / name / "values.safetensors")


out, kind = Path(sys.argv[1]), sys.argv[2]
torch.set_num_threads(1)
for seed in sys.argv[3:]:
    config, *size = getattr(random_configs, kind)(seed)
    if kind == "text_encoder":
        goldens.text_encoder(out, seed, int(seed), goldens.TEXT_DEFAULTS | config, roughen=roughen, write=write)
    else:
        getattr(goldens, kind)(out, seed, int(seed), *size, config, roughen=roughen, write=write)
