"""Writes src/test/resources/scheduler-goldens.json: trajectories of diffusers' schedulers under a made-up model.

usage: python make_scheduler_goldens.py OUT.json      (torch, diffusers 0.40.0.dev0 or later)

Fresh noise, where a scheduler asks for it, is NOISE turned left by one number a step.
"""

import json
import sys

import diffusers.schedulers.scheduling_ddpm
import diffusers.schedulers.scheduling_euler_ancestral_discrete
import torch
from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    PNDMScheduler,
)

CLASSES = {
    "ddpm": DDPMScheduler,
    "ddim": DDIMScheduler,
    "pndm": PNDMScheduler,
    "euler": EulerDiscreteScheduler,
    "euler_a": EulerAncestralDiscreteScheduler,
    "dpmsolver++": DPMSolverMultistepScheduler,
}
SD = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "clip_sample": False}
PNDM = {**SD, "skip_prk_steps": True, "steps_offset": 1}
DDIM = {**SD, "set_alpha_to_one": False, "steps_offset": 1}
CASES = [
    ("pndm", PNDM, 20),
    ("pndm", PNDM, 50),
    ("pndm", PNDM, 1),
    ("pndm", PNDM, 2),
    ("pndm", PNDM, 3),
    ("pndm", {**PNDM, "prediction_type": "v_prediction"}, 10),
    ("pndm", {**PNDM, "set_alpha_to_one": True, "steps_offset": 0}, 7),
    ("pndm", {**PNDM, "timestep_spacing": "linspace"}, 10),
    ("pndm", {**PNDM, "timestep_spacing": "trailing"}, 10),
    ("pndm", {"skip_prk_steps": True, "beta_schedule": "squaredcos_cap_v2", "num_train_timesteps": 200}, 12),
    ("ddim", DDIM, 20),
    ("ddim", DDIM, 1),
    ("ddim", {}, 10),
    ("ddim", {"clip_sample_range": 2.0, "beta_schedule": "squaredcos_cap_v2"}, 10),
    ("ddim", {**DDIM, "set_alpha_to_one": True, "steps_offset": 0}, 13),
    ("ddim", {**DDIM, "prediction_type": "v_prediction"}, 25),
    ("ddim", {**DDIM, "prediction_type": "sample"}, 10),
    ("ddim", {**DDIM, "timestep_spacing": "linspace"}, 11),
    ("ddim", {**DDIM, "timestep_spacing": "trailing"}, 7),
    (
        "ddim",
        {**DDIM, "timestep_spacing": "trailing", "prediction_type": "v_prediction", "rescale_betas_zero_snr": True},
        10,
    ),
    ("ddim", {"trained_betas": [0.01, 0.02, 0.03, 0.05, 0.08], "num_train_timesteps": 5}, 5),
    # numpy's arange rounds its gap, which decides on which side a half goes.
    ("ddim", {**DDIM, "timestep_spacing": "trailing"}, 48),
    ("ddpm", SD, 20),
    ("ddpm", SD, 1),
    ("ddpm", {**SD, "variance_type": "fixed_large", "steps_offset": 1}, 10),
    ("ddpm", {**SD, "variance_type": "fixed_small_log"}, 10),
    ("ddpm", {"clip_sample_range": 1.5}, 10),
    ("ddpm", {"num_train_timesteps": 12, "beta_end": 0.4}, 12),
    ("ddpm", {"trained_betas": [0.01, 0.02, 0.03, 0.05, 0.08], "num_train_timesteps": 5}, 5),
    ("euler", {}, 1),
    ("euler", {**SD, "timestep_spacing": "leading", "steps_offset": 1}, 20),
    ("euler", {**SD, "final_sigmas_type": "sigma_min"}, 6),
    ("euler", {**SD, "use_karras_sigmas": True}, 8),
    ("euler", {**SD, "use_karras_sigmas": True, "sigma_min": 0.1, "sigma_max": 10.0}, 8),
    ("euler", {"beta_schedule": "squaredcos_cap_v2", "num_train_timesteps": 200}, 9),
    ("euler", {"trained_betas": [0.01, 0.02, 0.03, 0.05, 0.08], "num_train_timesteps": 5}, 4),
    # Written by another class: its keys stay, those that Euler shares count.
    ("euler", {**PNDM, "_class_name": "PNDMScheduler", "timestep_spacing": "leading", "set_alpha_to_one": False}, 7),
    ("euler_a", {}, 1),
    ("euler_a", {**SD, "timestep_spacing": "leading", "steps_offset": 1}, 20),
    ("euler_a", {**SD, "use_karras_sigmas": True}, 5),
    ("euler_a", {"beta_schedule": "squaredcos_cap_v2", "num_train_timesteps": 200}, 9),
    ("dpmsolver++", SD, 1),
    ("dpmsolver++", SD, 2),
    ("dpmsolver++", SD, 14),
    ("dpmsolver++", SD, 15),
    ("dpmsolver++", SD, 25),
    ("dpmsolver++", {**SD, "solver_order": 1}, 10),
    ("dpmsolver++", {**SD, "solver_type": "heun"}, 10),
    ("dpmsolver++", {**SD, "solver_type": "heun", "final_sigmas_type": "sigma_min"}, 16),
    ("dpmsolver++", {**SD, "solver_type": "bh2", "algorithm_type": "deis", "final_sigmas_type": "sigma_min"}, 6),
    ("dpmsolver++", {**SD, "final_sigmas_type": "sigma_min"}, 10),
    ("dpmsolver++", {**SD, "final_sigmas_type": "sigma_min", "lower_order_final": False}, 10),
    ("dpmsolver++", {**SD, "final_sigmas_type": "sigma_min", "euler_at_final": True}, 16),
    ("dpmsolver++", {**SD, "use_karras_sigmas": True}, 10),
    ("dpmsolver++", {**SD, "use_karras_sigmas": True, "sigma_max": 10.0}, 1),
    ("dpmsolver++", {"beta_schedule": "squaredcos_cap_v2", "use_karras_sigmas": True}, 6),
    ("dpmsolver++", {"beta_schedule": "squaredcos_cap_v2", "lambda_min_clipped": -5.1}, 12),
    (
        "dpmsolver++",
        {"beta_schedule": "squaredcos_cap_v2", "lambda_min_clipped": -3.0, "timestep_spacing": "trailing"},
        12,
    ),
    ("dpmsolver++", {"trained_betas": [0.01, 0.02, 0.03, 0.05, 0.08], "num_train_timesteps": 5}, 3),
    ("dpmsolver++", {**PNDM, "_class_name": "PNDMScheduler", "timestep_spacing": "leading"}, 5),
]


def product():
    """Every scheduler that came after DDIM and PNDM, with every spacing, prediction and end of the schedule that it allows."""
    for name in ["ddpm", "euler", "euler_a", "dpmsolver++"]:
        for spacing in ["leading", "linspace", "trailing"]:
            for prediction in ["epsilon", "v_prediction", "sample"]:
                for zero_snr in [False, True]:
                    reaches_zero = spacing != "leading" and zero_snr
                    if name == "ddpm" and reaches_zero and prediction == "epsilon":
                        continue  # divides by 0
                    if name == "euler_a" and prediction == "sample":
                        continue  # not implemented there
                    config = {**SD, "timestep_spacing": spacing, "prediction_type": prediction, "steps_offset": 1}
                    yield name, {**config, "rescale_betas_zero_snr": zero_snr}, 7


CASES += product()
SCHEDULES = [
    {},
    SD,
    {"beta_schedule": "squaredcos_cap_v2"},
    {**SD, "rescale_betas_zero_snr": True},
    {"beta_schedule": "linear", "num_train_timesteps": 77, "beta_end": 0.3},
]
SAMPLE = [1.5, -0.75, 0.3, -2.0, 0.01, 0.9, -1.1, 2.4]
NOISE = [0.3, -1.2, 0.8, 2.1, -0.4, -0.9, 1.6, 0.05]


def model(sample, timestep):
    return 0.5 * sample + (timestep - 300) / 2000


def rounded(values):
    """As many digits as tell two floats of 32 bits apart."""
    return [float("%.9g" % value) for value in values]


def trajectory(name, config, steps):
    scheduler = CLASSES[name].from_config(config)
    scheduler.set_timesteps(steps)
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(0)  # where the first timestep appears twice, they begin at the second otherwise
    step = 0

    def randn_tensor(shape, **kwargs):
        return torch.tensor([NOISE]).roll(-step, dims=1)

    diffusers.schedulers.scheduling_ddpm.randn_tensor = randn_tensor
    diffusers.schedulers.scheduling_euler_ancestral_discrete.randn_tensor = randn_tensor
    sample = torch.tensor([SAMPLE]) * scheduler.init_noise_sigma
    samples = []
    for step, timestep in enumerate(scheduler.timesteps):
        seen = scheduler.scale_model_input(sample, timestep)
        sample = scheduler.step(model(seen, timestep), timestep, sample).prev_sample
        samples.append(rounded(sample[0].tolist()))
    return {
        "scheduler": name,
        "config": config,
        "num_inference_steps": steps,
        "timesteps": rounded(scheduler.timesteps.tolist()),
        "samples": samples,
    }


def schedule(config):
    scheduler = DDPMScheduler.from_config(config)
    return {"config": config, "alphas_cumprod": rounded(scheduler.alphas_cumprod.tolist())}


with open(sys.argv[1], "w") as out:
    json.dump(
        {
            "sample": SAMPLE,
            "noise": NOISE,
            "trajectories": [trajectory(*case) for case in CASES],
            "schedules": [schedule(config) for config in SCHEDULES],
        },
        out,
    )
    out.write("\n")
