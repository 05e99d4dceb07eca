"""Writes the goldens that ModelGoldenTest compares with: tiny random diffusers and transformers models, their inputs, outputs, gradients.

    python make_model_goldens.py [FOLDER]        needs torch, diffusers, transformers, safetensors

Each golden is a folder with config.json, weights.safetensors and values.safetensors: `input.*`, `output.*`, and `gradient.<parameter>`
of the loss mse(output, `target`) for parameters of at most 600 elements. VERSIONS.json tells seeds and versions.
"""

import json
import sys
from pathlib import Path

import diffusers
import safetensors.torch
import torch
import transformers
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

LARGEST_GRADIENT = 600

UNETS = {
    "unet_conv_projection": dict(  # the shape of Stable Diffusion 1
        seed=1, size=(8, 8),
        config=dict(
            block_out_channels=(8, 16), layers_per_block=1, cross_attention_dim=6, attention_head_dim=2, norm_num_groups=4,
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        ),
    ),
    "unet_linear_projection": dict(  # the shape of Stable Diffusion 2, odd sizes, and what else differs from the defaults
        seed=2, size=(11, 6),
        config=dict(
            in_channels=3, out_channels=5, block_out_channels=(4, 8, 8), layers_per_block=2, cross_attention_dim=5,
            attention_head_dim=(1, 2, 4), transformer_layers_per_block=(1, 2, 1), use_linear_projection=True, norm_num_groups=2,
            norm_eps=1e-3, flip_sin_to_cos=False, freq_shift=1, center_input_sample=True, mid_block_scale_factor=1.5, act_fn="swish",
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        ),
    ),
    "unet_lists": dict(  # a list wherever there may be one, heads that leave a channel over, sizes that no halving divides
        seed=7, size=(7, 9),
        config=dict(
            block_out_channels=(4, 6, 4), layers_per_block=(1, 2, 1), transformer_layers_per_block=(2, 1, 1), cross_attention_dim=(5, 5, 5),
            attention_head_dim=(2, 4, 3), only_cross_attention=(True, False, True), upcast_attention=True, norm_num_groups=2,
            resnet_time_scale_shift="scale_shift", act_fn="mish", downsample_padding=0,
            down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        ),
    ),
    "unet_only_cross_attention": dict(
        seed=8, size=(3, 5),
        config=dict(
            block_out_channels=(4, 8), layers_per_block=1, cross_attention_dim=5, attention_head_dim=3, only_cross_attention=True,
            use_linear_projection=True, upcast_attention=True, norm_num_groups=2, act_fn="gelu",
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        ),
    ),
}

AUTOENCODERS = {
    "vae_three_blocks": dict(  # divides by 4
        seed=3, size=(16, 8),
        config=dict(
            block_out_channels=(4, 8, 8), layers_per_block=1, norm_num_groups=2, latent_channels=4,
            down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3,
        ),
    ),
    "vae_plain": dict(  # divides by 2, no attention, no convolutions around the latents
        seed=4, size=(6, 6),
        config=dict(
            block_out_channels=(4, 8), layers_per_block=2, norm_num_groups=2, latent_channels=2, mid_block_add_attention=False,
            use_quant_conv=False, use_post_quant_conv=False,
            down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
        ),
    ),
    "vae_old_names": dict(seed=9, size=(4, 5), old_names=True, config=dict(block_out_channels=(4,), norm_num_groups=2, act_fn="relu")),
}

# What older releases of diffusers called the layers of the autoencoder's attention; original checkpoints have pointwise convolutions there.
OLD_NAMES = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}

TEXT_ENCODERS = {
    "clip_quick_gelu": dict(seed=5, config=dict(hidden_act="quick_gelu")),
    "clip_gelu": dict(seed=6, config=dict(hidden_act="gelu", num_hidden_layers=1)),
}
TEXT_DEFAULTS = dict(
    vocab_size=20, hidden_size=8, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2, max_position_embeddings=7,
    bos_token_id=18, eos_token_id=19, pad_token_id=19,
)


def roughen(model):
    """Gives norms and biases values that matter; fresh ones are ones and zeros."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter += 0.3 * torch.randn_like(parameter)


def values_of(model, inputs, outputs, targets, prefix, largest_gradient):
    loss = sum(torch.nn.functional.mse_loss(outputs[key], targets[key]) for key in targets)
    loss.backward()
    values = {f"input.{key}": value for key, value in inputs.items()}
    values |= {f"output.{key}": value.detach() for key, value in outputs.items()}
    values |= {f"target.{key}": value for key, value in targets.items()}
    for key, parameter in model.named_parameters():
        if parameter.numel() <= largest_gradient:
            values[f"gradient.{prefix}{key}"] = parameter.grad
    return values


def write(folder, name, model, config, inputs, outputs, targets, prefix="", rename=lambda weights: weights):
    values = values_of(model, inputs, outputs, targets, prefix, LARGEST_GRADIENT)
    where = folder / name
    where.mkdir(parents=True, exist_ok=True)
    (where / "config.json").write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")
    weights = {prefix + key: value.contiguous() for key, value in model.state_dict().items() if "position_ids" not in key}
    safetensors.torch.save_file(rename(weights), where / "weights.safetensors")
    safetensors.torch.save_file({key: value.contiguous() for key, value in values.items()}, where / "values.safetensors")


def config_of(model):
    return {key: value for key, value in json.loads(model.to_json_string()).items() if key != "_name_or_path"}


def unet(folder, name, seed, size, config, roughen=roughen, write=write):
    torch.manual_seed(seed)
    model = UNet2DConditionModel(**config)
    roughen(model)
    width = model.config.cross_attention_dim
    inputs = dict(
        sample=torch.randn(2, model.config.in_channels, *size),
        timestep=torch.tensor([3, 871]),
        encoder_hidden_states=torch.randn(2, 7, width[0] if isinstance(width, tuple) else width),
    )
    output = model(**inputs).sample
    write(folder, name, model, config_of(model), inputs, dict(sample=output), dict(sample=torch.randn_like(output)))


def old_attention(weights):
    """Weights of an autoencoder as an original checkpoint has those of its attention."""
    old = {}
    for key, value in weights.items():
        for now, then in OLD_NAMES.items():
            if f"attentions.0.{now}." in key:
                key, value = key.replace(now, then), value[..., None, None] if value.ndim == 2 else value
        old[key] = value
    return old


def autoencoder(folder, name, seed, size, config, old_names=False, roughen=roughen, write=write):
    torch.manual_seed(seed)
    model = AutoencoderKL(**config)
    roughen(model)
    image = torch.rand(2, 3, *size) * 2 - 1
    moments = model.encode(image).latent_dist.parameters
    latents = torch.randn(2, model.config.latent_channels, moments.shape[2], moments.shape[3])
    decoded = model.decode(latents).sample
    targets = dict(moments=torch.randn_like(moments), image=torch.randn_like(decoded))
    write(
        folder, name, model, config_of(model), dict(image=image, latents=latents), dict(moments=moments, image=decoded), targets,
        rename=old_attention if old_names else lambda weights: weights,
    )


def text_encoder(folder, name, seed, config, roughen=roughen, write=write):
    torch.manual_seed(seed)
    model = CLIPTextModel(CLIPTextConfig(**(TEXT_DEFAULTS | config)))
    roughen(model)
    ids = torch.randint(0, 18, (2, 7))
    ids[:, 0], ids[0, 5:], ids[1, 4:] = 18, 19, 19
    output = model(ids).last_hidden_state
    # transformers 5 dropped the prefix that pipelines have
    prefix = "" if any(key.startswith("text_model.") for key in model.state_dict()) else "text_model."
    targets = dict(last_hidden_state=torch.randn_like(output))
    write(
        folder, name, model, model.config.to_dict(), dict(input_ids=ids), dict(last_hidden_state=output), targets, prefix
    )


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent / "resources" / "goldens"
    torch.set_num_threads(1)
    for make, goldens in ((unet, UNETS), (autoencoder, AUTOENCODERS), (text_encoder, TEXT_ENCODERS)):
        for name, options in goldens.items():
            make(folder, name, **options)
    seeds = {name: options["seed"] for goldens in (UNETS, AUTOENCODERS, TEXT_ENCODERS) for name, options in goldens.items()}
    versions = dict(torch=torch.__version__, diffusers=diffusers.__version__, transformers=transformers.__version__)
    (folder / "VERSIONS.json").write_text(json.dumps(dict(seeds=seeds, versions=versions), indent=1) + "\n")


if __name__ == "__main__":
    main()
