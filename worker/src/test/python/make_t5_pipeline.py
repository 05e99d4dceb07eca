"""Writes a tiny random pipeline with a T5 encoder as diffusers saves it: 32 px images, latents (4, 16, 16), DDIM.

    python make_t5_pipeline.py TOKENIZER OUT
"""

import sys

import torch
from diffusers import DDIMScheduler
from tiny_pipeline import tiny_pipeline
from transformers import T5Config, T5EncoderModel, T5TokenizerFast

tokenizer_folder, out = sys.argv[1:]
torch.manual_seed(0)
tokenizer = T5TokenizerFast.from_pretrained(tokenizer_folder)
text_config = T5Config(
    vocab_size=len(tokenizer), d_model=16, d_kv=6, d_ff=32, num_layers=2, num_heads=2, feed_forward_proj="gated-gelu"
)
scheduler = DDIMScheduler(
    beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, steps_offset=1
)
tiny_pipeline(T5EncoderModel(text_config), tokenizer, scheduler).save_pretrained(out)
