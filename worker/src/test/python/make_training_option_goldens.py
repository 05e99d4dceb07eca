"""Makes the golden file of the training options: ten optimizer steps as diffusers' train_text_to_image.py takes them, with min-SNR
weights, offset noise, input perturbation and zero terminal SNR. Model and inputs are those of make_training_goldens.py, read from its file.

    python make_training_option_goldens.py ../resources/training

Needs torch, diffusers and safetensors. Same seed, same file.
"""

import json
import sys
from pathlib import Path

import torch
from diffusers import DDPMScheduler, UNet2DConditionModel
from diffusers.training_utils import compute_snr
from make_training_goldens import BATCH, SCHEDULE, STEPS, UNET, train
from safetensors.torch import load_file, save_file

NOISE_OFFSET, INPUT_PERTURBATION = 0.1, 0.2
CASES = {
    "snr_epsilon": dict(prediction_type="epsilon", snr_gamma=5.0),
    "snr_v_prediction": dict(prediction_type="v_prediction", snr_gamma=5.0),
    "snr_sample": dict(prediction_type="sample", snr_gamma=5.0),
    "zero_snr": dict(prediction_type="v_prediction", rescale_betas_zero_snr=True, snr_gamma=1.0),
    "noise_offset": dict(prediction_type="epsilon", noise_offset=NOISE_OFFSET),
    "input_perturbation": dict(prediction_type="v_prediction", input_perturbation=INPUT_PERTURBATION),
    "all": dict(prediction_type="v_prediction", rescale_betas_zero_snr=True, snr_gamma=5.0, noise_offset=NOISE_OFFSET,
                input_perturbation=INPUT_PERTURBATION),
}


def main(folder):
    torch.manual_seed(1)
    torch.set_num_threads(1)
    inputs = load_file(folder / "goldens.safetensors")
    tensors = {"noise_offset": torch.randn(STEPS, BATCH, 4, 1, 1), "input_perturbation": torch.randn(STEPS, BATCH, 4, 8, 8)}
    timesteps = inputs["timesteps"].clone()
    timesteps[::3, 0], timesteps[1::3, 1] = 999, 0  # both ends of the schedule
    tensors["timesteps"] = timesteps

    for name, case in CASES.items():
        options = {key: case.get(key) for key in ("snr_gamma", "noise_offset", "input_perturbation")}
        scheduler = DDPMScheduler(**SCHEDULE, **{key: value for key, value in case.items() if key not in options})
        target_type = scheduler.config.prediction_type

        def denoising(model, step):
            latents, noise, t = inputs["latents"][step], inputs["noise"][step], timesteps[step]
            if options["noise_offset"]:
                noise = noise + options["noise_offset"] * tensors["noise_offset"][step]
            mixed = noise
            if options["input_perturbation"]:
                mixed = noise + options["input_perturbation"] * tensors["input_perturbation"][step]
            prediction = model(scheduler.add_noise(latents, mixed, t), t, inputs["states"][step]).sample
            target = {"epsilon": noise, "sample": latents}.get(target_type)
            if target is None:
                target = scheduler.get_velocity(latents, noise, t)
            each = (prediction - target).square().mean(dim=(1, 2, 3))
            if options["snr_gamma"]:
                snr = compute_snr(scheduler, t)
                divisor = {"epsilon": snr, "v_prediction": snr + 1, "sample": 1}[target_type]
                each = each * snr.clamp(max=options["snr_gamma"]) / divisor
            return each.mean()

        model = UNet2DConditionModel(**UNET)
        model.load_state_dict({key[5:]: value for key, value in inputs.items() if key.startswith("unet.")})
        losses, norms, _ = train(model, denoising)
        tensors |= {f"{name}.losses": losses, f"{name}.norms": norms}
        print(name, losses.tolist(), norms.tolist())

    save_file({name: t.contiguous() for name, t in tensors.items()}, folder / "options.safetensors")
    (folder / "options.json").write_text(json.dumps(CASES, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
