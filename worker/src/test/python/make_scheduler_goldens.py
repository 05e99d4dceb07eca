"""Writes src/test/resources/scheduler-goldens.json: trajectories of diffusers' schedulers under a made-up model.

usage: python make_scheduler_goldens.py OUT.json      (torch, diffusers 0.40.0.dev0 or later)
"""

import json
import sys

import torch
from diffusers import DDIMScheduler, DDPMScheduler, PNDMScheduler

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
]
SCHEDULES = [
    {},
    SD,
    {"beta_schedule": "squaredcos_cap_v2"},
    {**SD, "rescale_betas_zero_snr": True},
    {"beta_schedule": "linear", "num_train_timesteps": 77, "beta_end": 0.3},
]
SAMPLE = [1.5, -0.75, 0.3, -2.0, 0.01, 0.9, -1.1, 2.4]


def model(sample, timestep):
    return 0.5 * sample + (timestep - 300) / 2000


def trajectory(name, config, steps):
    scheduler = {"ddim": DDIMScheduler, "pndm": PNDMScheduler}[name].from_config(config)
    scheduler.set_timesteps(steps)
    sample = torch.tensor(SAMPLE)
    samples = []
    for timestep in scheduler.timesteps:
        sample = scheduler.step(model(sample, timestep), timestep, sample).prev_sample
        samples.append(sample.tolist())
    return {
        "scheduler": name,
        "config": config,
        "num_inference_steps": steps,
        "timesteps": scheduler.timesteps.tolist(),
        "samples": samples,
    }


def schedule(config):
    scheduler = DDPMScheduler.from_config(config)
    return {"config": config, "alphas_cumprod": scheduler.alphas_cumprod.tolist()}


with open(sys.argv[1], "w") as out:
    json.dump(
        {
            "sample": SAMPLE,
            "trajectories": [trajectory(*case) for case in CASES],
            "schedules": [schedule(config) for config in SCHEDULES],
        },
        out,
    )
    out.write("\n")
