"""Fetches a pipeline with diffusers, opens it and the same pipeline from a folder, and compares every tensor.

    HF_ENDPOINT=... python download_pipeline.py MODEL CACHE FOLDER

Prints, as JSON, the files that diffusers chose.
"""

import json
import pathlib
import sys

import torch
from diffusers import StableDiffusionPipeline

model, cache, folder = sys.argv[1:]
chosen = pathlib.Path(StableDiffusionPipeline.download(model, cache_dir=cache))
theirs = StableDiffusionPipeline.from_pretrained(chosen)
ours = StableDiffusionPipeline.from_pretrained(folder)
for name in ("text_encoder", "vae", "unet", "safety_checker"):
    expected, actual = (getattr(pipeline, name).state_dict() for pipeline in (theirs, ours))
    assert expected.keys() == actual.keys(), name
    for key, tensor in expected.items():
        assert torch.equal(tensor, actual[key]), f"{name}.{key}"
print(json.dumps(sorted(str(path.relative_to(chosen)) for path in chosen.rglob("*") if path.is_file())))
