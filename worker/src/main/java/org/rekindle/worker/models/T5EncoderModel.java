package org.rekindle.worker.models;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.rekindle.worker.torchscript.Children;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.torchscript.Initialization;
import org.rekindle.worker.torchscript.ModuleList;
import org.rekindle.worker.torchscript.ParameterSpec;
import org.rekindle.worker.torchscript.ScriptModule;

/**
 * The encoder of T5 (Raffel et al. 2020, arXiv:1910.10683) and of T5 1.1 with its gated feed-forward layers; transformers'
 * {@code T5EncoderModel} without dropout and, as diffusers' Stable Diffusion calls it, without an attention mask.
 *
 * <p>Method: {@code forward(input_ids (N, L) of int64)} gives the last hidden state after the final norm, fp32 (N, L, D).
 *
 * <p>The token embedding is the parameter {@code shared.weight}, the name under which transformers writes it.
 */
public record T5EncoderModel(Config config, ComputeType computeType) implements ScriptModule {

    public static final String CLASS_NAME = "T5EncoderModel";

    /**
     * @param width {@code d_model}
     * @param headWidth {@code d_kv}
     * @param mlpWidth {@code d_ff}
     * @param buckets {@code relative_attention_num_buckets}
     * @param maxDistance {@code relative_attention_max_distance}, from which on all distances share a bucket
     * @param feedForward {@code feed_forward_proj}: {@code relu}, {@code gelu} or {@code gated-gelu}
     * @param initFactor {@code initializer_factor}
     */
    record Config(
            int vocabulary,
            int width,
            int headWidth,
            int mlpWidth,
            int layers,
            int heads,
            int buckets,
            int maxDistance,
            String feedForward,
            double eps,
            double initFactor) {

        static Config of(ObjectNode json) {
            ConfigValues values = new ConfigValues(CLASS_NAME, json);
            values.only("model_type", "t5");
            values.only("is_decoder", false);
            values.only("use_attention_mask", false);
            int buckets = values.integer("relative_attention_num_buckets", 32, 4);
            return new Config(
                    values.integer("vocab_size", 32128, 1),
                    values.integer("d_model", 512, 1),
                    values.integer("d_kv", 64, 1),
                    values.integer("d_ff", 2048, 1),
                    values.integer("num_layers", 6, 1),
                    values.integer("num_heads", 8, 1),
                    buckets,
                    values.integer("relative_attention_max_distance", 128, buckets / 4 + 1),
                    values.word("feed_forward_proj", "relu", "gelu", "gated-gelu"),
                    values.number("layer_norm_epsilon", 1e-6),
                    values.number("initializer_factor", 1));
        }

        /** A projection without bias, normal with {@code initFactor} over the root of what it sums over. */
        Linear linear(int in, int out, double sumOver) {
            Initialization init = new Initialization.Normal(initFactor / Math.sqrt(sumOver));
            return new Linear(in, out, false, init, Initialization.zeros());
        }

        T5LayerNorm norm() {
            return new T5LayerNorm(width, eps, initFactor);
        }
    }

    /** @throws org.rekindle.data.UserException for a config that isn't supported, by its key */
    public static T5EncoderModel of(ObjectNode config, ComputeType computeType) {
        return new T5EncoderModel(Config.of(config), computeType);
    }

    @Override
    public Children children() {
        Initialization init = new Initialization.Normal(config.initFactor);
        return Children.of("shared", new Embedding(config.vocabulary, config.width, init))
                .and("encoder", new T5Stack(config));
    }

    @Override
    public String methods() {
        return """
            def forward(self, input_ids: Tensor) -> Tensor:
              return self.encoder.forward(self.shared.forward(input_ids).to(%d)).to(6)
            """.formatted(computeType.scalarType());
    }

    private record T5Stack(Config config) implements ScriptModule {
        @Override
        public Children children() {
            List<T5Block> blocks = new ArrayList<>();
            for (int i = 0; i < config.layers; i++) {
                blocks.add(new T5Block(config, i == 0));
            }
            return Children.of("block", new ModuleList(blocks)).and("final_layer_norm", config.norm());
        }

        @Override
        public String methods() {
            StringBuilder script = new StringBuilder("""
                def forward(self, x: Tensor) -> Tensor:                                    # (N, L, D)
                  bias = %s.position_bias(x.shape[1])                                      # (1, heads, L, L)
                """.formatted(ModuleList.member("block", 0)));
            for (int i = 0; i < config.layers; i++) {
                script.append("  x = %s.forward(x, bias)\n".formatted(ModuleList.member("block", i)));
            }
            return script + "  return self.final_layer_norm.forward(x)\n";
        }
    }

    /** @param first whether it holds the position bias of all blocks */
    private record T5Block(Config config, boolean first) implements ScriptModule {
        @Override
        public Children children() {
            return Children.of("layer", ModuleList.of(new T5LayerSelfAttention(config, first), new T5LayerFF(config)));
        }

        @Override
        public String methods() {
            String attention = ModuleList.member("layer", 0);
            String script = """
                def forward(self, x: Tensor, bias: Tensor) -> Tensor:
                  return %s.forward(%s.forward(x, bias))
                """.formatted(ModuleList.member("layer", 1), attention);
            return !first ? script : script + """
                def position_bias(self, length: int) -> Tensor:
                  return %s.SelfAttention.position_bias(length)
                """.formatted(attention);
        }
    }

    private record T5LayerSelfAttention(Config config, boolean first) implements ScriptModule {
        @Override
        public Children children() {
            return Children.of("SelfAttention", new T5Attention(config, first)).and("layer_norm", config.norm());
        }

        @Override
        public String methods() {
            return """
                def forward(self, x: Tensor, bias: Tensor) -> Tensor:
                  return x + self.SelfAttention.forward(self.layer_norm.forward(x), bias)
                """;
        }
    }

    private record T5LayerFF(Config config) implements ScriptModule {
        @Override
        public Children children() {
            ScriptModule dense = config.feedForward.equals("gated-gelu")
                    ? new T5DenseGatedActDense(config)
                    : new T5DenseActDense(config);
            return Children.of("DenseReluDense", dense).and("layer_norm", config.norm());
        }

        @Override
        public String methods() {
            return """
                def forward(self, x: Tensor) -> Tensor:
                  return x + self.DenseReluDense.forward(self.layer_norm.forward(x))
                """;
        }
    }

    /** Scores without a scale, plus what the distance between two tokens says; both and the softmax in fp32. */
    private record T5Attention(Config config, boolean first) implements Counted {
        @Override
        public Children children() {
            int inner = config.heads * config.headWidth;
            Initialization bias = new Initialization.Normal(config.initFactor / Math.sqrt(config.width));
            return Children.of("q", config.linear(config.width, inner, (double) config.width * config.headWidth))
                    .and("k", config.linear(config.width, inner, config.width))
                    .and("v", config.linear(config.width, inner, config.width))
                    .and("o", config.linear(inner, config.width, inner))
                    .andIf(first, "relative_attention_bias", new Embedding(config.buckets, config.heads, bias));
        }

        @Override
        public Work work(Extent given) {
            long tokens = given.positions();
            return Work.ofChildren(this, given)
                    .plus(Work.fusedAttention(tokens, tokens, (long) config.heads * config.headWidth));
        }

        @Override
        public String methods() {
            String script = """
                def forward(self, x: Tensor, bias: Tensor) -> Tensor:
                  q = self.q.forward(x).unflatten(-1, [%1$d, -1]).transpose(1, 2)            # (N, heads, L, d_kv)
                  k = self.k.forward(x).unflatten(-1, [%1$d, -1]).transpose(1, 2)
                  v = self.v.forward(x).unflatten(-1, [%1$d, -1]).transpose(1, 2)
                  scores = torch.matmul(q, k.transpose(2, 3)).to(6) + bias                   # (N, heads, L, L)
                  h = torch.matmul(torch.softmax(scores, -1).to(x.dtype), v)
                  return self.o.forward(h.transpose(1, 2).flatten(2))
                """.formatted(config.heads);
            return first ? script + positionBias() : script;
        }

        /**
         * Half of the buckets are for keys after the query. Of each half, half hold one distance each, the others ever more, on a
         * logarithmic scale up to {@code maxDistance}.
         */
        private String positionBias() {
            int half = config.buckets / 2;
            int exact = half / 2;
            return """
                def position_bias(self, length: int) -> Tensor:
                  positions = torch.arange(0, length, dtype=4, device=self.relative_attention_bias.weight.device)
                  offset = positions[None, :] - positions[:, None]                           # (L, L): key - query
                  distance = torch.abs(offset)
                  far = %2$d + (torch.log(distance.to(6) / %2$d) / %3$s * %4$d).to(4)
                  far = torch.clamp(far, max=%5$d)
                  bucket = (offset > 0).to(4) * %1$d + torch.where(distance < %2$d, distance, far)
                  return self.relative_attention_bias.forward(bucket).to(6).permute(2, 0, 1).unsqueeze(0)
                """.formatted(half, exact, Math.log((double) config.maxDistance / exact), half - exact, half - 1);
        }
    }

    private record T5DenseActDense(Config config) implements ScriptModule {
        @Override
        public Children children() {
            return Children.of("wi", config.linear(config.width, config.mlpWidth, config.width))
                    .and("wo", config.linear(config.mlpWidth, config.width, config.mlpWidth));
        }

        @Override
        public String methods() {
            return """
                def forward(self, x: Tensor) -> Tensor:
                  return self.wo.forward(torch.%s(self.wi.forward(x)))
                """.formatted(config.feedForward);
        }
    }

    /**
     * A GELU gates another projection (Shazeer 2020, arXiv:2002.05202), by the approximation with tanh (Hendrycks and Gimpel 2016,
     * arXiv:1606.08415). It is written out since {@code torch.gelu} does not know it in archives of this version.
     */
    private record T5DenseGatedActDense(Config config) implements ScriptModule {
        @Override
        public Children children() {
            Linear in = config.linear(config.width, config.mlpWidth, config.width);
            return Children.of("wi_0", in)
                    .and("wi_1", in)
                    .and("wo", config.linear(config.mlpWidth, config.width, config.mlpWidth));
        }

        @Override
        public String methods() {
            return """
                def forward(self, x: Tensor) -> Tensor:
                  h = self.wi_0.forward(x)
                  gate = 0.5 * h * (1.0 + torch.tanh(%s * (h + 0.044715 * h * h * h)))
                  return self.wo.forward(gate * self.wi_1.forward(x))
                """.formatted(Math.sqrt(2 / Math.PI));
        }
    }

    /** Root mean square normalisation (Zhang and Sennrich 2019, arXiv:1910.07467), the mean in fp32. */
    private record T5LayerNorm(int channels, double eps, double initFactor) implements ScriptModule {
        @Override
        public Map<String, ParameterSpec> parameters() {
            return Map.of("weight", ParameterSpec.of(new Initialization.Constant((float) initFactor), channels));
        }

        @Override
        public String methods() {
            return """
                def forward(self, x: Tensor) -> Tensor:
                  h = x.to(6)
                  h = h * torch.rsqrt(torch.mean(h * h, [-1], True) + %s)
                  return self.weight.to(x.dtype) * h.to(x.dtype)
                """.formatted(eps);
        }
    }
}
