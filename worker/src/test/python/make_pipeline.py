"""Writes a tiny random pipeline as diffusers saves it: 32 px images, latents (4, 16, 16).

    python make_pipeline.py TOKENIZER OUT [SCHEDULER_CLASS CONFIG [DTYPE]]

The scheduler is Stable Diffusion's PNDM, or one of the given class, with Stable Diffusion's betas and CONFIG, a JSON object. Weights
are float32, or of the torch type DTYPE.
"""

import json
import sys

import diffusers
import torch
from tiny_pipeline import tiny_pipeline
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

tokenizer_folder, out = sys.argv[1:3]
scheduler_class = getattr(diffusers, sys.argv[3] if len(sys.argv) > 3 else "PNDMScheduler")
scheduler_config = {"skip_prk_steps": True, "steps_offset": 1} if len(sys.argv) < 5 else json.loads(sys.argv[4])
torch.manual_seed(0)
tokenizer = CLIPTokenizer.from_pretrained(tokenizer_folder)
text_config = CLIPTextConfig(
    vocab_size=len(tokenizer),
    hidden_size=16,
    intermediate_size=32,
    num_hidden_layers=2,
    num_attention_heads=2,
    max_position_embeddings=tokenizer.model_max_length,
    bos_token_id=tokenizer.bos_token_id,
    eos_token_id=tokenizer.eos_token_id,
    pad_token_id=tokenizer.pad_token_id,
)
scheduler = scheduler_class(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", **scheduler_config)
pipeline = tiny_pipeline(CLIPTextModel(text_config), tokenizer, scheduler)
if len(sys.argv) > 5:
    pipeline.to(dtype=getattr(torch, sys.argv[5]))
pipeline.save_pretrained(out)
