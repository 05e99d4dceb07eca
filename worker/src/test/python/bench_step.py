"""The training step that `rekindle bench step` times, in diffusers: UNet forward, MSE, backward, clipping, fused AdamW.

    python bench_step.py PIPELINE --batch 32 --tokens 16 --size 16 --steps 30 --threads 2 [--precision bf16]

PIPELINE is any pipeline folder with a `unet`, such as one that `rekindle init` wrote; so both sides start from the same weights.
Prints one JSON line, with the keys of `rekindle bench step`.
"""

import argparse
import json
import resource
import time

import torch
from diffusers import UNet2DConditionModel

parser = argparse.ArgumentParser()
parser.add_argument("pipeline")
parser.add_argument("--batch", type=int, required=True)
parser.add_argument("--tokens", type=int, required=True)
parser.add_argument("--size", type=int, required=True)
parser.add_argument("--steps", type=int, default=30)
parser.add_argument("--warmup", type=int, default=5)
parser.add_argument("--threads", type=int, required=True)
parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
parser.add_argument("--max-grad-norm", type=float, default=None)
args = parser.parse_args()

torch.set_num_threads(args.threads)
torch.manual_seed(0)
unet = UNet2DConditionModel.from_pretrained(args.pipeline, subfolder="unet").train()
optimizer = torch.optim.AdamW(unet.parameters(), lr=1e-4, fused=True)
latents = torch.randn(args.batch, unet.config.in_channels, args.size, args.size)
noise = torch.randn_like(latents)
states = torch.randn(args.batch, args.tokens, unet.config.cross_attention_dim)
timesteps = torch.randint(0, 1000, (args.batch,))


def step():
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=args.precision == "bf16"):
        prediction = unet(latents, timesteps, states).sample
    torch.nn.functional.mse_loss(prediction.float(), noise).backward()
    if args.max_grad_norm is not None:
        torch.nn.utils.clip_grad_norm_(unet.parameters(), args.max_grad_norm)
    optimizer.step()
    optimizer.zero_grad(set_to_none=False)


for _ in range(args.warmup):
    step()
wall, cpu = time.perf_counter(), time.process_time()
for _ in range(args.steps):
    step()
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
images = args.steps * args.batch
print(
    json.dumps(
        {
            "images": images,
            "images_per_s": images / wall,
            "cpu_seconds": cpu,
            "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "torch": torch.__version__,
        }
    )
)
