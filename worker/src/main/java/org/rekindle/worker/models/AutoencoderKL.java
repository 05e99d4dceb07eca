package org.rekindle.worker.models;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.rekindle.worker.torchscript.Children;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.torchscript.ModuleList;
import org.rekindle.worker.torchscript.ScriptModule;

/**
 * The autoencoder between images and latents; diffusers' {@code AutoencoderKL}. It divides height and width by f = 2 to the number of
 * {@code block_out_channels} less one.
 *
 * <p>Methods:
 * <ul>
 *   <li>{@code encode(image (N, 3, H, W) in [-1, 1])} gives the moments of the latents, fp32 (N, 2 C, H / f, W / f): means, then
 *       logarithms of variances
 *   <li>{@code decode(latents (N, C, h, w))} gives fp32 (N, 3, f h, f w); latents as encoded, without {@code scaling_factor}
 * </ul>
 */
public record AutoencoderKL(Config config, ComputeType computeType) implements ScriptModule {

    static final String CLASS_NAME = "AutoencoderKL";

    /** @param channels {@code block_out_channels}, highest resolution first */
    record Config(
            int latentChannels,
            List<Integer> channels,
            int layers,
            int groups,
            Activation activation,
            boolean midAttention,
            boolean quantConv,
            boolean postQuantConv) {

        private static final int COLOURS = 3;
        private static final double EPS = 1e-6;

        static Config of(ObjectNode json) {
            ConfigValues values = new ConfigValues(CLASS_NAME, json);
            List<Integer> channels = values.integerList("block_out_channels", List.of(64));
            checkBlocks(values, "down_block_types", "DownEncoderBlock2D", channels.size());
            checkBlocks(values, "up_block_types", "UpDecoderBlock2D", channels.size());
            int groups = values.integer("norm_num_groups", 32, 1);
            values.divides("norm_num_groups", groups, "block_out_channels", channels);
            values.only("in_channels", COLOURS);
            values.only("out_channels", COLOURS);
            if (values.number("scaling_factor", 1) <= 0) {
                throw values.unsupported("scaling_factor", "a number above 0");
            }
            // like scaling_factor these say how a pipeline uses the latents; Stable Diffusion's uses none of them.
            // force_upcast is
            // about fp16, whose range is small; diffusers obeys it for fp16 alone
            values.ignore("sample_size", "shift_factor", "latents_mean", "latents_std", "force_upcast");
            Config config = new Config(
                    values.integer("latent_channels", 4, 1),
                    channels,
                    values.integer("layers_per_block", 1, 1),
                    groups,
                    Activation.of(values),
                    values.flag("mid_block_add_attention", true),
                    values.flag("use_quant_conv", true),
                    values.flag("use_post_quant_conv", true));
            values.refuseUnknown();
            return config;
        }

        private static void checkBlocks(ConfigValues values, String key, String supported, int blocks) {
            if (values.words(key, List.of(supported), supported).size() != blocks) {
                throw values.unsupported(key, "%s, %d times, as block_out_channels says".formatted(supported, blocks));
            }
        }

        Norm norm() {
            return new Norm(groups, EPS);
        }

        ResnetBlock2D.Spec resnet() {
            return new ResnetBlock2D.Spec(0, norm(), activation, false);
        }

        int lastChannels() {
            return channels.get(channels.size() - 1);
        }
    }

    /** @throws org.rekindle.data.UserException for a config that isn't supported, by its key */
    public static AutoencoderKL of(ObjectNode config, ComputeType computeType) {
        return new AutoencoderKL(Config.of(config), computeType);
    }

    /** Of encoding and decoding, for one example. */
    public Work work(Extent image) {
        return encodeWork(image).plus(decodeWork(image));
    }

    /**
     * Of {@code encode}, for one image.
     *
     * @param image its height and width
     */
    public Work encodeWork(Extent image) {
        int moments = 2 * config.latentChannels;
        return new Encoder(config).work(image).plus(quantWork(config.quantConv, moments, image));
    }

    /** Of {@code decode}, for one image. */
    public Work decodeWork(Extent image) {
        int scale = 1 << config.channels.size() - 1;
        Extent latents = image.resized(image.height() / scale, image.width() / scale);
        return new Decoder(config).work(latents).plus(quantWork(config.postQuantConv, config.latentChannels, image));
    }

    private Work quantWork(boolean there, int channels, Extent image) {
        int scale = 1 << config.channels.size() - 1;
        Extent latents = image.resized(image.height() / scale, image.width() / scale);
        return there ? Conv2d.pointwise(channels, channels).work(latents) : Work.NONE;
    }

    @Override
    public Children children() {
        int latents = config.latentChannels;
        return Children.of("encoder", new Encoder(config))
                .and("decoder", new Decoder(config))
                .andIf(config.quantConv, "quant_conv", Conv2d.pointwise(2 * latents, 2 * latents))
                .andIf(config.postQuantConv, "post_quant_conv", Conv2d.pointwise(latents, latents));
    }

    @Override
    public String methods() {
        return """
            def encode(self, image: Tensor) -> Tensor:
              x = self.encoder.forward(%1$s)
              return %2$s.to(6).contiguous()
            def decode(self, latents: Tensor) -> Tensor:
              x = %3$s
              return self.decoder.forward(%4$s).to(6).contiguous()
            """.formatted(
                        Layout.cast("image", computeType),
                        config.quantConv ? "self.quant_conv.forward(x)" : "x",
                        Layout.cast("latents", computeType),
                        config.postQuantConv ? "self.post_quant_conv.forward(x)" : "x");
    }

    private record Encoder(Config config) implements Counted {
        @Override
        public Children children() {
            List<ScriptModule> blocks = new ArrayList<>();
            for (int i = 0; i < config.channels.size(); i++) {
                blocks.add(new EncoderBlock2D(
                        config.channels.get(Math.max(i - 1, 0)),
                        config.channels.get(i),
                        config.layers,
                        config.resnet(),
                        i < config.channels.size() - 1));
            }
            int last = config.lastChannels();
            return Children.of("conv_in", Conv2d.same(Config.COLOURS, config.channels.get(0), 3))
                    .and("down_blocks", new ModuleList(blocks))
                    .and("mid_block", new UNetMidBlock2D(last, config.resnet(), config.midAttention))
                    .and("conv_norm_out", config.norm().over(last))
                    .and("conv_out", Conv2d.same(last, 2 * config.latentChannels, 3));
        }

        @Override
        public Work work(Extent image) {
            Map<String, ScriptModule> parts = children().asMap();
            Work work = Work.of(parts.get("conv_in"), image);
            Extent at = image;
            for (ScriptModule block :
                    parts.get("down_blocks").children().asMap().values()) {
                work = work.plus(Work.of(block, at));
                at = ((EncoderBlock2D) block).out(at);
            }
            return work.plus(Work.of(parts.get("mid_block"), at)).plus(end(parts, config.lastChannels(), at));
        }

        @Override
        public String methods() {
            StringBuilder script =
                    new StringBuilder("def forward(self, x: Tensor) -> Tensor:\n  x = self.conv_in.forward(x)\n");
            for (int i = 0; i < config.channels.size(); i++) {
                script.append("  x = %s.forward(x)\n".formatted(ModuleList.member("down_blocks", i)));
            }
            script.append("  x = self.mid_block.forward(x)\n");
            return script + "  return self.conv_out.forward(torch.silu(self.conv_norm_out.forward(x)))\n";
        }
    }

    private record Decoder(Config config) implements Counted {
        @Override
        public Children children() {
            List<ScriptModule> blocks = new ArrayList<>();
            int last = config.channels.size() - 1;
            for (int i = last; i >= 0; i--) {
                blocks.add(new DecoderBlock2D(
                        config.channels.get(Math.min(i + 1, last)),
                        config.channels.get(i),
                        config.layers + 1,
                        config.resnet(),
                        i > 0));
            }
            int first = config.channels.get(0);
            return Children.of("conv_in", Conv2d.same(config.latentChannels, config.lastChannels(), 3))
                    .and("up_blocks", new ModuleList(blocks))
                    .and("mid_block", new UNetMidBlock2D(config.lastChannels(), config.resnet(), config.midAttention))
                    .and("conv_norm_out", config.norm().over(first))
                    .and("conv_out", Conv2d.same(first, Config.COLOURS, 3));
        }

        @Override
        public Work work(Extent latents) {
            Map<String, ScriptModule> parts = children().asMap();
            Work work = Work.of(parts.get("conv_in"), latents).plus(Work.of(parts.get("mid_block"), latents));
            Extent at = latents;
            for (ScriptModule block : parts.get("up_blocks").children().asMap().values()) {
                work = work.plus(Work.of(block, at));
                at = ((DecoderBlock2D) block).upsample ? at.doubled() : at;
            }
            return work.plus(end(parts, config.channels.get(0), at));
        }

        @Override
        public String methods() {
            StringBuilder script = new StringBuilder("""
                def forward(self, x: Tensor) -> Tensor:
                  x = self.mid_block.forward(self.conv_in.forward(x))
                """);
            for (int i = 0; i < config.channels.size(); i++) {
                script.append("  x = %s.forward(x)\n".formatted(ModuleList.member("up_blocks", i)));
            }
            return script + "  return self.conv_out.forward(torch.silu(self.conv_norm_out.forward(x)))\n";
        }
    }

    /** Norm, activation and convolution, the end of both halves. */
    private static Work end(Map<String, ScriptModule> parts, int channels, Extent at) {
        return Work.of(parts.get("conv_norm_out"), at)
                .plus(Work.keeping(channels * at.positions()))
                .plus(Work.of(parts.get("conv_out"), at));
    }

    /** diffusers' {@code DownEncoderBlock2D}. */
    private record EncoderBlock2D(
            int inChannels, int outChannels, int layers, ResnetBlock2D.Spec spec, boolean downsample)
            implements ScriptModule {
        @Override
        public Children children() {
            return Children.of("resnets", resnets(inChannels, outChannels, layers, spec))
                    .andIf(downsample, "downsamplers", ModuleList.of(downsampler()));
        }

        private Downsample2D downsampler() {
            return new Downsample2D(outChannels, 0);
        }

        Extent out(Extent of) {
            return downsample ? downsampler().out(of) : of;
        }

        @Override
        public String methods() {
            StringBuilder script = new StringBuilder("def forward(self, x: Tensor) -> Tensor:\n");
            for (int i = 0; i < layers; i++) {
                script.append("  x = %s.forward(x)\n".formatted(ModuleList.member("resnets", i)));
            }
            return script
                    + "  return %s\n"
                            .formatted(downsample ? ModuleList.member("downsamplers", 0) + ".forward(x)" : "x");
        }
    }

    /** diffusers' {@code UpDecoderBlock2D}. */
    private record DecoderBlock2D(
            int inChannels, int outChannels, int layers, ResnetBlock2D.Spec spec, boolean upsample)
            implements ScriptModule {
        @Override
        public Children children() {
            return Children.of("resnets", resnets(inChannels, outChannels, layers, spec))
                    .andIf(upsample, "upsamplers", ModuleList.of(new Upsample2D(outChannels)));
        }

        @Override
        public String methods() {
            StringBuilder script = new StringBuilder("def forward(self, x: Tensor) -> Tensor:\n");
            for (int i = 0; i < layers; i++) {
                script.append("  x = %s.forward(x)\n".formatted(ModuleList.member("resnets", i)));
            }
            String enlarged = ModuleList.member("upsamplers", 0) + ".forward(x, [2 * x.shape[2], 2 * x.shape[3]])";
            return script + "  return %s\n".formatted(upsample ? enlarged : "x");
        }
    }

    private static ModuleList resnets(int inChannels, int outChannels, int layers, ResnetBlock2D.Spec spec) {
        List<ScriptModule> resnets =
                new ArrayList<>(Collections.nCopies(layers, new ResnetBlock2D(outChannels, outChannels, spec)));
        resnets.set(0, new ResnetBlock2D(inChannels, outChannels, spec));
        return new ModuleList(resnets);
    }

    /** Residual block, attention of one head, residual block; diffusers' {@code UNetMidBlock2D}. */
    private record UNetMidBlock2D(int channels, ResnetBlock2D.Spec spec, boolean attention) implements Counted {
        @Override
        public Children children() {
            ResnetBlock2D resnet = new ResnetBlock2D(channels, channels, spec);
            return Children.none()
                    .andIf(attention, "attentions", ModuleList.of(new PixelAttention(channels, spec.norm())))
                    .and("resnets", ModuleList.of(resnet, resnet));
        }

        @Override
        public Work work(Extent given) {
            return Work.inTurns(this, given);
        }

        @Override
        public String methods() {
            return """
                def forward(self, x: Tensor) -> Tensor:
                  x = %s.forward(x)
                  %s
                  return %s.forward(x)
                """.formatted(
                            ModuleList.member("resnets", 0),
                            attention ? "x = %s.forward(x)".formatted(ModuleList.member("attentions", 0)) : "",
                            ModuleList.member("resnets", 1));
        }
    }

    /** Self-attention of one head over pixels, with biases; diffusers' {@code Attention} as the autoencoder has it. */
    private record PixelAttention(int channels, Norm norm) implements Counted {
        @Override
        public Children children() {
            Linear linear = new Linear(channels, channels);
            return Children.of("group_norm", norm.over(channels))
                    .and("to_q", linear)
                    .and("to_k", linear)
                    .and("to_v", linear)
                    .and("to_out", ModuleList.of(linear))
                    .and("attend", new ScaledDotProductAttention(false));
        }

        /** q, k and v are given the same. */
        @Override
        public Work work(Extent given) {
            int pixels = (int) given.positions();
            Work linear = new Linear(channels, channels).work(given);
            return norm.over(channels)
                    .work(given)
                    .plus(linear)
                    .plus(linear.sharing(channels * given.positions()))
                    .plus(linear.sharing(channels * given.positions()))
                    .plus(new ScaledDotProductAttention(false).work(pixels, pixels, channels, 1, given.hardware()))
                    .plus(linear.sharing(channels * given.positions()))
                    .beside(channels * given.positions());
        }

        @Override
        public String methods() {
            return """
                def forward(self, x: Tensor) -> Tensor:                                # (N, C, H, W)
                  h = self.group_norm.forward(x).flatten(2).transpose(1, 2)            # (N, H W, C)
                  q = self.to_q.forward(h)[:, None]                                    # (N, 1, H W, C)
                  k = self.to_k.forward(h)[:, None]
                  v = self.to_v.forward(h)[:, None]
                  h = %s.forward(self.attend.forward(q, k, v)[:, 0])
                  return x + h.transpose(1, 2).unflatten(2, x.shape[2:])
                """.formatted(ModuleList.member("to_out", 0));
        }
    }
}
