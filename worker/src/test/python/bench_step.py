"""The training step that `rekindle bench step` times, in diffusers: UNet forward, MSE, backward, clipping, fused AdamW, EMA.

    python bench_step.py PIPELINE --batch 32 --tokens 16 --size 16 --steps 30 --threads 2 [--precision bf16]

PIPELINE is any pipeline folder with a `unet`, such as one that `rekindle init` wrote; so both sides start from the same weights.
The step is that of diffusers' train_text_to_image.py, with what makes it faster: EMA by foreach, cuDNN benchmark and channels last on a GPU.
With --encoders it encodes random images and texts of one batch in each step, as `bench step --data` does with those that it reads; they come
from pinned memory, as a DataLoader would hand them over. Prints one JSON line, with keys of `rekindle bench step`: the rate is that of the
median step.
"""

import argparse
import json
import resource
import statistics
import time

import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from diffusers.training_utils import EMAModel

parser = argparse.ArgumentParser()
parser.add_argument("pipeline")
parser.add_argument("--batch", type=int, required=True)
parser.add_argument("--tokens", type=int, required=True)
parser.add_argument("--size", type=int, required=True, help="side of the latents")
parser.add_argument("--steps", type=int, default=30)
parser.add_argument("--warmup", type=int, default=5)
parser.add_argument("--threads", type=int, required=True)
parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
parser.add_argument("--max-grad-norm", type=float, default=None)
parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
parser.add_argument("--encoders", action="store_true")
parser.add_argument("--checkpointing", action="store_true")
parser.add_argument("--ema", action="store_true")
parser.add_argument("--compile", action="store_true")
args = parser.parse_args()

torch.set_num_threads(args.threads)
torch.manual_seed(0)
device = torch.device(args.device)
dtype = torch.bfloat16 if args.precision == "bf16" else torch.float32
unet = UNet2DConditionModel.from_pretrained(args.pipeline, subfolder="unet").train().to(device)
if args.device == "cuda":
    torch.backends.cudnn.benchmark = True
    unet.to(memory_format=torch.channels_last)
if args.checkpointing:
    unet.enable_gradient_checkpointing()
parameters = list(unet.parameters())
averages = EMAModel(parameters, foreach=True) if args.ema else None
schedule = DDPMScheduler.from_pretrained(args.pipeline, subfolder="scheduler")
optimizer = torch.optim.AdamW(parameters, lr=1e-4, fused=True)
latents = torch.randn(args.batch, unet.config.in_channels, args.size, args.size, device=device)
states = torch.randn(args.batch, args.tokens, unet.config.cross_attention_dim, device=device)
if args.encoders:
    from transformers import CLIPTextModel

    # Frozen, so their weights may be bf16, as in diffusers' train_text_to_image.py.
    vae = AutoencoderKL.from_pretrained(args.pipeline, subfolder="vae").to(device, dtype)
    text_encoder = CLIPTextModel.from_pretrained(args.pipeline, subfolder="text_encoder").to(device, dtype)
    if args.device == "cuda":
        vae.to(memory_format=torch.channels_last)
    side = args.size * 2 ** (len(vae.config.block_out_channels) - 1)
    images = torch.rand(args.batch, 3, side, side) * 2 - 1
    ids = torch.randint(0, text_encoder.config.vocab_size, (args.batch, args.tokens))
    if args.device == "cuda":
        images, ids = images.pin_memory(), ids.pin_memory()
model = torch.compile(unet) if args.compile else unet


def step():
    x, context = latents, states
    if args.encoders:
        with torch.no_grad():
            x = vae.encode(images.to(device, non_blocking=True).to(dtype)).latent_dist.sample() * vae.config.scaling_factor
            context = text_encoder(ids.to(device, non_blocking=True))[0]
    noise = torch.randn_like(x)
    timesteps = torch.randint(0, schedule.config.num_train_timesteps, (args.batch,), device=device)
    with torch.autocast(args.device, dtype=torch.bfloat16, enabled=args.precision == "bf16"):
        prediction = model(schedule.add_noise(x, noise, timesteps), timesteps, context).sample
    loss = torch.nn.functional.mse_loss(prediction.float(), noise.float())
    loss.item()  # for the log: waits for the device once a step, as `rekindle` does
    loss.backward()
    if args.max_grad_norm is not None:
        torch.nn.utils.clip_grad_norm_(parameters, args.max_grad_norm)
    optimizer.step()
    optimizer.zero_grad()
    if averages is not None:
        averages.step(parameters)


def synchronize():
    if args.device == "cuda":
        torch.cuda.synchronize()


for _ in range(args.warmup):
    step()
synchronize()
cpu, seconds = time.process_time(), []
for _ in range(args.steps):
    before = time.perf_counter()
    step()
    seconds.append(time.perf_counter() - before)
synchronize()
cpu = time.process_time() - cpu
figures = {
    "images": args.steps * args.batch,
    "images_per_s": args.batch / statistics.median(seconds),
    "cpu_seconds": cpu,
    "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    "torch": torch.__version__,
}
if args.device == "cuda":
    figures["device_bytes"] = torch.cuda.max_memory_reserved()
print(json.dumps(figures))
