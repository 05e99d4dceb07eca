"""Writes a tiny random pipeline with a T5 encoder as diffusers saves it: 32 px images, latents (4, 16, 16), DDIM.

    python make_t5_pipeline.py TOKENIZER OUT
"""

import sys

import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from transformers import T5Config, T5EncoderModel, T5TokenizerFast

tokenizer_folder, out = sys.argv[1:]
torch.manual_seed(0)
tokenizer = T5TokenizerFast.from_pretrained(tokenizer_folder)
text_config = T5Config(
    vocab_size=len(tokenizer), d_model=16, d_kv=6, d_ff=32, num_layers=2, num_heads=2, feed_forward_proj="gated-gelu"
)
pipeline = StableDiffusionPipeline(
    vae=AutoencoderKL(
        block_out_channels=(8, 16),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=4,
        norm_num_groups=4,
        sample_size=32,
    ),
    text_encoder=T5EncoderModel(text_config),
    tokenizer=tokenizer,
    unet=UNet2DConditionModel(
        sample_size=16,
        block_out_channels=(16, 32),
        layers_per_block=1,
        cross_attention_dim=16,
        attention_head_dim=2,
        norm_num_groups=4,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
    ),
    scheduler=DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, steps_offset=1
    ),
    safety_checker=None,
    feature_extractor=None,
    requires_safety_checker=False,
)
pipeline.save_pretrained(out)
