"""Draws pictures as `rekindle generate` does, in diffusers, and says how long it took.

    python bench_generate.py PIPELINE --images 4 --steps 10 --threads 2 [--batch 4]

Guidance 7.5, the pipeline's own scheduler. Prints one JSON line; the seconds are those of all pictures, without loading.
"""

import argparse
import json
import time

import torch
from diffusers import StableDiffusionPipeline

parser = argparse.ArgumentParser()
parser.add_argument("pipeline")
parser.add_argument("--images", type=int, default=4)
parser.add_argument("--batch", type=int, default=4)
parser.add_argument("--steps", type=int, default=10)
parser.add_argument("--threads", type=int, default=2)
args = parser.parse_args()

torch.set_num_threads(args.threads)
pipeline = StableDiffusionPipeline.from_pretrained(args.pipeline)
pipeline.set_progress_bar_config(disable=True)
captions = ["a red circle"] * args.images
wall, cpu = time.perf_counter(), time.process_time()
for start in range(0, args.images, args.batch):
    pipeline(captions[start : start + args.batch], num_inference_steps=args.steps)
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
print(json.dumps({"images_per_s": args.images / wall, "seconds": wall, "cpu_seconds": cpu, "torch": torch.__version__}))
