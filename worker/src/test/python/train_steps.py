"""Takes optimizer steps of UNets in diffusers and records what Rekindle needs to take the same.

    python train_steps.py OUT 1 2 3 [--steps 10] [--threads 1]
    python train_steps.py OUT 1 --steps 1 --config '{"cross_attention_dim": 768}' --batch 1 --size 32 --tokens 77 --checkpointing

Each seed draws a config (but for --config), schedule, weights, latents, noise, timesteps and text states. OUT/SEED becomes a pipeline of a
unet, with its weights before the first step, and a scheduler; goldens.safetensors beside them holds the data, the losses and the gradient
norms. Prints one JSON line: seconds of the last step, by the clock and of the processors, and the largest resident memory.
"""

import argparse
import json
import random
import resource
import time
from pathlib import Path

import torch
from diffusers import DDPMScheduler, UNet2DConditionModel
from make_training_goldens import train
from random_configs import unet as draw_unet
from safetensors.torch import save_file

INDEX = {
    "_class_name": "StableDiffusionPipeline",
    "scheduler": ["diffusers", "DDPMScheduler"],
    "unet": ["diffusers", "UNet2DConditionModel"],
}

parser = argparse.ArgumentParser()
parser.add_argument("out", type=Path)
parser.add_argument("seeds", type=int, nargs="+")
parser.add_argument("--steps", type=int, default=10)
parser.add_argument("--config", type=json.loads)
parser.add_argument("--batch", type=int, default=2)
parser.add_argument("--size", type=int)
parser.add_argument("--tokens", type=int, default=5)
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--checkpointing", action="store_true")
args = parser.parse_args()


def record(seed, out):
    """Returns the seconds of the last step, by the clock and of the processors."""
    torch.manual_seed(seed)
    draw = random.Random(f"training {seed}")
    config, size = draw_unet(seed)
    config["out_channels"] = config["in_channels"]  # what is predicted has the shape of the latents
    unet = UNet2DConditionModel(**(config if args.config is None else args.config)).train()
    if args.checkpointing:
        unet.enable_gradient_checkpointing()
    scheduler = DDPMScheduler(
        beta_schedule=draw.choice(["linear", "scaled_linear", "squaredcos_cap_v2"]),
        beta_start=0.00085,
        beta_end=0.012,
        prediction_type=draw.choice(["epsilon", "v_prediction", "sample"]),
    )
    unet.save_pretrained(out / "unet")
    scheduler.save_pretrained(out / "scheduler")
    (out / "model_index.json").write_text(json.dumps(INDEX))

    height, width = size if args.size is None else (args.size, args.size)
    shape = args.steps, args.batch, unet.config.in_channels, height, width
    tensors = {
        "latents": torch.randn(shape),
        "noise": torch.randn(shape),
        "timesteps": torch.randint(0, scheduler.config.num_train_timesteps, (args.steps, args.batch)),
        "states": torch.randn(args.steps, args.batch, args.tokens, unet.config.cross_attention_dim),
    }
    start = cpu_start = 0

    def denoising(model, step):
        nonlocal start, cpu_start
        start, cpu_start = time.perf_counter(), time.process_time()
        latents, noise, t = tensors["latents"][step], tensors["noise"][step], tensors["timesteps"][step]
        target = {"epsilon": noise, "sample": latents, "v_prediction": scheduler.get_velocity(latents, noise, t)}
        prediction = model(scheduler.add_noise(latents, noise, t), t, tensors["states"][step]).sample
        return torch.nn.functional.mse_loss(prediction, target[scheduler.config.prediction_type])

    losses, norms, _ = train(unet, denoising, args.steps, average=False)
    seconds = time.perf_counter() - start, time.process_time() - cpu_start
    save_file(tensors | {"losses": losses, "norms": norms}, out / "goldens.safetensors")
    return seconds


torch.set_num_threads(args.threads)
for seed in args.seeds:
    seconds, cpu_seconds = record(seed, args.out / str(seed))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds, "peak_rss_bytes": peak}))
