"""Configurations drawn at random from what Rekindle supports: a seed gives a config of a tiny model and the size of its input.

They are small, but differ in all that the config of a Stable Diffusion 1 or 2 can say. A draw that Rekindle refuses is a failed comparison.
Held back is only what compares rounding: a group of a normalisation that is a single value is always zero, and a token of four channels
that are nearly equal is stretched so much that fp32 differs from fp64 by more than the tolerance, in Python too.
"""

import random

# Values of the UNet's keys that are drawn independently of all others.
UNET_CHOICES = dict(
    in_channels=[4, 5, 8, 9],
    out_channels=[4, 4, 6, 8],
    cross_attention_dim=[5, 8, 12, 16],
    use_linear_projection=[False, True],
    flip_sin_to_cos=[True, True, False],
    freq_shift=[0, 0, 1],
    center_input_sample=[False, False, True],
    mid_block_scale_factor=[1, 1, 0.7, 1.5],
    downsample_padding=[1, 1, 0],
    norm_eps=[1e-5, 1e-5, 1e-3],
    act_fn=["silu", "silu", "swish", "gelu", "mish", "relu"],
    only_cross_attention=[False, True],
    upcast_attention=[False, True],
    resnet_time_scale_shift=["default", "default", "scale_shift"],
)


def choose(draw, choices):
    return {key: draw.choice(values) for key, values in choices.items()}


def number_or_list(draw, count, values):
    """One value for all resolutions, or one for each."""
    return draw.choice(values) if draw.random() < 0.5 else [draw.choice(values) for _ in range(count)]


def unet(seed):
    """A config of UNet2DConditionModel, and height and width of its latents."""
    draw = random.Random(f"unet {seed}")
    blocks = draw.randint(1, 4)
    groups = draw.choice([1, 2, 4])
    cross = [draw.random() < 0.6 for _ in range(blocks)]
    layers = number_or_list(draw, blocks, [1, 2, 3] if blocks < 3 else [1, 2])
    smallest = 3 * 2 ** (blocks - 1) - 1  # leaves 2 x 2 at the end even where downsampling doesn't pad
    return dict(
        choose(draw, UNET_CHOICES),
        block_out_channels=[8 * draw.randint(1, 3) for _ in range(blocks)],
        norm_num_groups=groups,
        layers_per_block=layers,
        attention_head_dim=number_or_list(draw, blocks, [1, 2, 4]),
        transformer_layers_per_block=number_or_list(draw, blocks, [1, 1, 2]),
        down_block_types=["CrossAttnDownBlock2D" if attends else "DownBlock2D" for attends in cross],
        up_block_types=["CrossAttnUpBlock2D" if attends else "UpBlock2D" for attends in reversed(cross)],
    ), (draw.randint(smallest, smallest + 8), draw.randint(smallest, smallest + 8))


def autoencoder(seed):
    """A config of AutoencoderKL, and height and width of its image."""
    draw = random.Random(f"autoencoder {seed}")
    blocks = draw.randint(1, 4)
    scale = 2 ** (blocks - 1)
    groups = draw.choice([1, 2, 4])
    choices = dict(
        latent_channels=[1, 2, 4, 16],
        layers_per_block=[1, 2, 3],
        mid_block_add_attention=[True, True, False],
        use_quant_conv=[True, True, False],
        use_post_quant_conv=[True, True, False],
        act_fn=["silu", "silu", "gelu", "mish", "relu"],
    )
    return dict(
        choose(draw, choices),
        norm_num_groups=groups,
        block_out_channels=[2 * groups * draw.randint(1, 3) for _ in range(blocks)],
        down_block_types=["DownEncoderBlock2D"] * blocks,
        up_block_types=["UpDecoderBlock2D"] * blocks,
    ), (scale * draw.randint(2, 5), scale * draw.randint(2, 5))


def text_encoder(seed):
    """A config of CLIPTextModel, in a tuple of its own."""
    draw = random.Random(f"text_encoder {seed}")
    heads = draw.choice([1, 2, 3, 4])
    choices = dict(
        hidden_act=["quick_gelu", "gelu"],
        intermediate_size=[8, 24, 33],
        num_hidden_layers=[1, 2, 3],
        layer_norm_eps=[1e-5, 1e-3],
    )
    return (dict(choose(draw, choices), num_attention_heads=heads, hidden_size=heads * draw.choice([4, 6, 8])),)
