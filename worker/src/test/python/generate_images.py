"""Opens a pipeline folder with StableDiffusionPipeline.from_pretrained and draws pictures from given latents.

    python generate_images.py PIPELINE PROMPTS.csv LATENTS.safetensors OUT --scheduler ddim|pndm [--steps 10] [--scale 5.0]

Writes OUT/{uid}.png for each row of the CSV (uid,caption); latents hold one tensor per uid. The schedulers take the noise schedule of
the pipeline's own.
"""

import argparse
import csv
import os

from diffusers import DDIMScheduler, PNDMScheduler, StableDiffusionPipeline
from safetensors.torch import load_file

parser = argparse.ArgumentParser()
parser.add_argument("pipeline")
parser.add_argument("prompts")
parser.add_argument("latents")
parser.add_argument("out")
parser.add_argument("--scheduler", choices=["ddim", "pndm"], required=True)
parser.add_argument("--steps", type=int, default=10)
parser.add_argument("--scale", type=float, default=5.0)
args = parser.parse_args()

scheduler_class = {"ddim": DDIMScheduler, "pndm": PNDMScheduler}[args.scheduler]
# Given to the constructor and not set afterwards: only there does the pipeline correct steps_offset and clip_sample.
scheduler = scheduler_class.from_pretrained(args.pipeline, subfolder="scheduler")
pipeline = StableDiffusionPipeline.from_pretrained(args.pipeline, scheduler=scheduler)
pipeline.set_progress_bar_config(disable=True)
latents = load_file(args.latents)
os.makedirs(args.out, exist_ok=True)
with open(args.prompts, newline="", encoding="utf-8") as file:
    for row in csv.DictReader(file):
        start = latents[row["uid"]]
        start = start[None] if start.dim() == 3 else start
        image = pipeline(
            row["caption"], latents=start, num_inference_steps=args.steps, guidance_scale=args.scale
        ).images[0]
        image.save(os.path.join(args.out, row["uid"] + ".png"))
