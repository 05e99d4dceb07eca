"""Makes the golden file of the training step: what diffusers and PyTorch compute in ten optimizer steps of tiny models.

    python make_training_goldens.py ../resources/training

Needs torch, diffusers and safetensors. Same seed, same file.
"""

import json
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from safetensors.torch import save_file

STEPS, BATCH = 10, 2
LEARNING_RATE, WARMUP, MAX_GRAD_NORM, EMA_DECAY, KL_WEIGHT = 2e-3, 4, 0.8, 0.5, 1e-2

UNET = dict(
    sample_size=8, in_channels=4, out_channels=4, layers_per_block=1, block_out_channels=[8, 16], norm_num_groups=4,
    down_block_types=["CrossAttnDownBlock2D", "DownBlock2D"], up_block_types=["UpBlock2D", "CrossAttnUpBlock2D"],
    cross_attention_dim=12, attention_head_dim=4)
VAE = dict(
    in_channels=3, out_channels=3, latent_channels=4, sample_size=16, block_out_channels=[8, 16], layers_per_block=1,
    norm_num_groups=4, down_block_types=["DownEncoderBlock2D"] * 2, up_block_types=["UpDecoderBlock2D"] * 2)
SCHEDULE = dict(num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")


def train(model, losses, steps=STEPS, average=True):
    """AdamW with warm-up, clipping and EMA; returns the losses, the gradient norms and the averaged weights."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.98), weight_decay=0.01, eps=1e-8)
    ema = [p.detach().clone() for p in model.parameters()] if average else []
    values, norms = [], []
    for step in range(steps):
        loss = losses(model, step)
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), MAX_GRAD_NORM))
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * (step + 1) / WARMUP if step < WARMUP else LEARNING_RATE
        optimizer.step()
        optimizer.zero_grad()
        decay = min(EMA_DECAY, (2 + step) / (11 + step))
        for average, p in zip(ema, model.parameters()):
            average.sub_((1 - decay) * (average - p.detach()))
        values.append(loss.detach())
    names = [name for name, _ in model.named_parameters()]
    return torch.stack(values), torch.stack(norms), dict(zip(names, ema))


def main(folder):
    torch.manual_seed(0)
    torch.set_num_threads(1)
    tensors = {
        "latents": torch.randn(STEPS, BATCH, 4, 8, 8),
        "noise": torch.randn(STEPS, BATCH, 4, 8, 8),
        "timesteps": torch.randint(0, 1000, (STEPS, BATCH)),
        "states": torch.randn(STEPS, BATCH, 5, 12),
        "rgb": torch.randint(0, 256, (STEPS, BATCH, 16, 16, 3), dtype=torch.uint8),
        "posterior_noise": torch.randn(STEPS, BATCH, 4, 8, 8),
    }

    unet = UNet2DConditionModel(**UNET)
    tensors |= {"unet." + name: p.detach().clone() for name, p in unet.named_parameters()}
    for prediction_type in ("epsilon", "v_prediction", "sample"):
        scheduler = DDPMScheduler(**SCHEDULE, prediction_type=prediction_type)

        def denoising(model, step):
            latents, noise, t = tensors["latents"][step], tensors["noise"][step], tensors["timesteps"][step]
            prediction = model(scheduler.add_noise(latents, noise, t), t, tensors["states"][step]).sample
            target = {"epsilon": noise, "sample": latents}.get(prediction_type)
            return F.mse_loss(prediction, scheduler.get_velocity(latents, noise, t) if target is None else target)

        model = UNet2DConditionModel(**UNET)
        model.load_state_dict(unet.state_dict())
        losses, norms, ema = train(model, denoising)
        tensors |= {f"{prediction_type}.losses": losses, f"{prediction_type}.norms": norms}
        tensors[f"{prediction_type}.ema.conv_out.weight"] = ema["conv_out.weight"]
        tensors[f"{prediction_type}.weight.conv_out.weight"] = dict(model.named_parameters())["conv_out.weight"].detach().clone()
        print(prediction_type, losses.tolist(), norms.tolist())

    vae = AutoencoderKL(**VAE)
    tensors |= {"vae." + name: p.detach().clone() for name, p in vae.named_parameters()}
    for reconstruction in ("l1", "mse"):

        def autoencoding(model, step):
            image = tensors["rgb"][step].permute(0, 3, 1, 2).float() / 127.5 - 1
            posterior = model.encode(image).latent_dist
            decoded = model.decode(posterior.mean + posterior.std * tensors["posterior_noise"][step]).sample
            error = F.l1_loss(decoded, image) if reconstruction == "l1" else F.mse_loss(decoded, image)
            return error + KL_WEIGHT * posterior.kl().mean() / image[0].numel()

        model = AutoencoderKL(**VAE)
        model.load_state_dict(vae.state_dict())
        losses, norms, _ = train(model, autoencoding)
        tensors |= {f"{reconstruction}.losses": losses, f"{reconstruction}.norms": norms}
        print(reconstruction, losses.tolist(), norms.tolist())
    moments = 3 * torch.randn(BATCH, 8, 2, 2)
    posterior = AutoencoderKL(**VAE).encode(image := torch.zeros(BATCH, 3, 16, 16)).latent_dist.__class__(moments)
    tensors |= {"kl.moments": moments, "kl.nats": posterior.kl()}

    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: t.contiguous() for name, t in tensors.items()}, folder / "goldens.safetensors")
    configs = {"unet": UNET, "vae": VAE, "schedule": SCHEDULE}
    (folder / "configs.json").write_text(json.dumps(configs, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
