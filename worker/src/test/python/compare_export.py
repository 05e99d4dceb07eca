"""Compares an archive of `rekindle export` with the same component opened by diffusers or transformers.

    python compare_export.py PIPELINE unet|vae|text_encoder ARCHIVE

The models of diffusers and transformers compute in fp32. Prints one JSON line: for each output the largest difference relative to the
largest value, and the names that only one of the two state dicts has.
"""

import json
import sys

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import AutoConfig, CLIPTextModel, T5EncoderModel

folder, component, archive = sys.argv[1:]
classes = {"unet": UNet2DConditionModel, "vae": AutoencoderKL, "text_encoder": CLIPTextModel}
if component == "text_encoder" and AutoConfig.from_pretrained(folder, subfolder=component).model_type == "t5":
    classes[component] = T5EncoderModel
model = classes[component].from_pretrained(folder, subfolder=component, torch_dtype=torch.float32).eval()
script = torch.jit.load(archive).eval()
torch.manual_seed(0)
config = model.config


def outputs():
    if component == "unet":
        sample = torch.randn(3, config.in_channels, config.sample_size, config.sample_size)
        inputs = sample, torch.tensor([1, 500, 999]), torch.randn(3, 16, config.cross_attention_dim)
        yield "forward", model(*inputs).sample, script.forward(*inputs)
    elif component == "vae":
        image = torch.rand(2, 3, config.sample_size, config.sample_size) * 2 - 1
        moments = model.encode(image).latent_dist.parameters
        yield "encode", moments, script.encode(image)
        latents = torch.randn_like(moments.chunk(2, dim=1)[0])
        yield "decode", model.decode(latents).sample, script.decode(latents)
    else:
        ids = torch.randint(0, config.vocab_size, (4, getattr(config, "max_position_embeddings", 16)))
        yield "forward", model(ids).last_hidden_state, script.forward(ids)


def names(state):
    # transformers 5 leaves out the prefix in memory; its files, Rekindle and transformers 4 have it.
    # T5's embedding goes by two names in memory and by the first in files.
    return {name.removeprefix("text_model.") for name in state} - {"encoder.embed_tokens.weight"}


def difference(expected, actual):
    if expected.shape != actual.shape:
        raise SystemExit(f"shapes differ: {tuple(expected.shape)} and {tuple(actual.shape)}")
    return ((expected - actual.float()).abs().max() / expected.abs().max()).item()


with torch.no_grad():
    differences = {name: difference(expected, actual) for name, expected, actual in outputs()}
print(
    json.dumps(
        {
            "differences": differences,
            "names_that_differ": sorted(names(model.state_dict()) ^ names(script.state_dict())),
        }
    )
)
