"""Adds to a pipeline what hubs have beside it: a safety checker, a sharded UNet, fp16 variants and pickles of every component.

    python make_hub_model.py PIPELINE OUT
"""

import pathlib
import sys

import torch
from diffusers import StableDiffusionPipeline
from diffusers.pipelines.stable_diffusion import StableDiffusionSafetyChecker
from transformers import CLIPConfig, CLIPImageProcessor

source, out = sys.argv[1:]
torch.manual_seed(1)
vision = dict(hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, image_size=32, patch_size=8)
text = dict(hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2)
pipeline = StableDiffusionPipeline.from_pretrained(
    source,
    safety_checker=StableDiffusionSafetyChecker(CLIPConfig(text_config=text, vision_config=vision, projection_dim=16)),
    feature_extractor=CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}),
    requires_safety_checker=True,
)
pipeline.save_pretrained(out)
pipeline.save_pretrained(out, variant="fp16")
for name in ("text_encoder", "vae", "unet", "safety_checker"):
    torch.save(getattr(pipeline, name).state_dict(), f"{out}/{name}/pytorch_model.bin")
pathlib.Path(out, "unet", "diffusion_pytorch_model.safetensors").unlink()
pipeline.unet.save_pretrained(f"{out}/unet", max_shard_size="100KB")
