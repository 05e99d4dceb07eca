"""Opens a pipeline folder with StableDiffusionPipeline.from_pretrained and draws pictures from given latents.

    python generate_images.py PIPELINE PROMPTS.csv LATENTS.safetensors OUT [--scheduler NAME] [--noise NOISE.safetensors]
        [--steps 10] [--scale 5.0]

Writes OUT/{uid}.png for each row of the CSV (uid,caption,negative_prompt); latents hold one tensor per uid. A scheduler that is named
takes the config of the pipeline's own. Stochastic schedulers add the tensor {uid}.{step} of the noise file in each step.
"""

import argparse
import csv
import os

import diffusers.schedulers.scheduling_ddpm
import diffusers.schedulers.scheduling_euler_ancestral_discrete
from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    PNDMScheduler,
    StableDiffusionPipeline,
)
from safetensors.torch import load_file

CLASSES = {
    "ddpm": DDPMScheduler,
    "ddim": DDIMScheduler,
    "pndm": PNDMScheduler,
    "euler": EulerDiscreteScheduler,
    "euler_a": EulerAncestralDiscreteScheduler,
    "dpmsolver++": DPMSolverMultistepScheduler,
}
parser = argparse.ArgumentParser()
parser.add_argument("pipeline")
parser.add_argument("prompts")
parser.add_argument("latents")
parser.add_argument("out")
parser.add_argument("--scheduler", choices=list(CLASSES))
parser.add_argument("--noise")
parser.add_argument("--steps", type=int, default=10)
parser.add_argument("--scale", type=float, default=5.0)
args = parser.parse_args()

if args.scheduler is None:
    pipeline = StableDiffusionPipeline.from_pretrained(args.pipeline)
else:
    # Given to the constructor and not set afterwards: only there does the pipeline correct steps_offset and clip_sample.
    scheduler = CLASSES[args.scheduler].from_pretrained(args.pipeline, subfolder="scheduler")
    pipeline = StableDiffusionPipeline.from_pretrained(args.pipeline, scheduler=scheduler)
pipeline.set_progress_bar_config(disable=True)
latents = load_file(args.latents)
noise = load_file(args.noise) if args.noise else {}
os.makedirs(args.out, exist_ok=True)


def add_given_noise(uid):
    step = iter(range(args.steps))

    def randn_tensor(shape, **kwargs):
        return noise[f"{uid}.{next(step)}"].reshape(shape)

    diffusers.schedulers.scheduling_ddpm.randn_tensor = randn_tensor
    diffusers.schedulers.scheduling_euler_ancestral_discrete.randn_tensor = randn_tensor


with open(args.prompts, newline="", encoding="utf-8") as file:
    for row in csv.DictReader(file):
        add_given_noise(row["uid"])
        start = latents[row["uid"]]
        start = start[None] if start.dim() == 3 else start
        image = pipeline(
            row["caption"],
            negative_prompt=row.get("negative_prompt", ""),
            latents=start,
            num_inference_steps=args.steps,
            guidance_scale=args.scale,
        ).images[0]
        image.save(os.path.join(args.out, row["uid"] + ".png"))
