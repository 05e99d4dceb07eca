package org.rekindle.worker.models;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Collections;
import java.util.List;
import org.rekindle.worker.torchscript.Children;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.torchscript.Initialization;
import org.rekindle.worker.torchscript.ModuleList;
import org.rekindle.worker.torchscript.ScriptModule;

/**
 * CLIP's text encoder (Radford et al. 2021, arXiv:2103.00020); transformers' {@code CLIPTextModel}.
 *
 * <p>Method: {@code forward(input_ids (N, L) of int64)} gives the last hidden state after the final norm, fp32 (N, L, D).
 */
public record CLIPTextModel(Config config, ComputeType computeType) implements ScriptModule {

    static final String CLASS_NAME = "CLIPTextModel";

    /**
     * @param activation {@code quick_gelu} or {@code gelu}
     * @param initFactor {@code initializer_factor}
     */
    record Config(
            int vocabulary,
            int width,
            int mlpWidth,
            int layers,
            int heads,
            int positions,
            String activation,
            double eps,
            double initFactor) {

        static Config of(ObjectNode json) {
            ConfigValues values = new ConfigValues(CLASS_NAME, json);
            int width = values.integer("hidden_size", 512, 1);
            int heads = values.integer("num_attention_heads", 8, 1);
            values.divides("num_attention_heads", heads, "hidden_size", List.of(width));
            values.only("attention_dropout", 0);
            values.only("dropout", 0);
            return new Config(
                    values.integer("vocab_size", 49408, 1),
                    width,
                    values.integer("intermediate_size", 2048, 1),
                    values.integer("num_hidden_layers", 12, 1),
                    heads,
                    values.integer("max_position_embeddings", 77, 1),
                    values.word("hidden_act", "quick_gelu", "gelu"),
                    values.number("layer_norm_eps", 1e-5),
                    values.number("initializer_factor", 1));
        }
    }

    /** @throws org.rekindle.data.UserException for a config that isn't supported, by its key */
    public static CLIPTextModel of(ObjectNode config, ComputeType computeType) {
        return new CLIPTextModel(Config.of(config), computeType);
    }

    @Override
    public Children children() {
        return Children.of("text_model", new CLIPTextTransformer(config, computeType));
    }

    @Override
    public String methods() {
        return """
            def forward(self, input_ids: Tensor) -> Tensor:
              return self.text_model.forward(input_ids)
            """;
    }

    private record CLIPTextTransformer(Config config, ComputeType computeType) implements ScriptModule {
        @Override
        public Children children() {
            return Children.of("embeddings", new CLIPTextEmbeddings(config))
                    .and("encoder", new CLIPEncoder(config))
                    .and("final_layer_norm", new LayerNorm(config.width, config.eps));
        }

        @Override
        public String methods() {
            return """
                def forward(self, input_ids: Tensor) -> Tensor:
                  x = self.embeddings.forward(input_ids).to(%d)                            # (N, L, D)
                  return self.final_layer_norm.forward(self.encoder.forward(x)).to(6)
                """.formatted(computeType.scalarType());
        }
    }

    private record CLIPTextEmbeddings(Config config) implements ScriptModule {
        @Override
        public Children children() {
            Initialization init = new Initialization.Normal(0.02 * config.initFactor);
            return Children.of("token_embedding", new Embedding(config.vocabulary, config.width, init))
                    .and("position_embedding", new Embedding(config.positions, config.width, init));
        }

        @Override
        public String methods() {
            return """
                def forward(self, ids: Tensor) -> Tensor:
                  positions = torch.arange(0, ids.shape[1], dtype=4, device=ids.device)
                  return self.token_embedding.forward(ids) + self.position_embedding.forward(positions)
                """;
        }
    }

    private record CLIPEncoder(Config config) implements ScriptModule {
        @Override
        public Children children() {
            return Children.of(
                    "layers", new ModuleList(Collections.nCopies(config.layers, new CLIPEncoderLayer(config))));
        }

        @Override
        public String methods() {
            StringBuilder script = new StringBuilder("def forward(self, x: Tensor) -> Tensor:\n");
            for (int i = 0; i < config.layers; i++) {
                script.append("  x = %s.forward(x)\n".formatted(ModuleList.member("layers", i)));
            }
            return script + "  return x\n";
        }
    }

    private record CLIPEncoderLayer(Config config) implements ScriptModule {
        @Override
        public Children children() {
            LayerNorm norm = new LayerNorm(config.width, config.eps);
            return Children.of("self_attn", new CLIPAttention(config))
                    .and("layer_norm1", norm)
                    .and("mlp", new CLIPMLP(config))
                    .and("layer_norm2", norm);
        }

        @Override
        public String methods() {
            return """
                def forward(self, x: Tensor) -> Tensor:
                  x = x + self.self_attn.forward(self.layer_norm1.forward(x))
                  return x + self.mlp.forward(self.layer_norm2.forward(x))
                """;
        }
    }

    private record CLIPAttention(Config config) implements Counted {
        @Override
        public Children children() {
            double out = config.initFactor / Math.sqrt(config.width);
            Linear in = linear(config.width, config.width, out / Math.sqrt(2.0 * config.layers));
            return Children.of("k_proj", in)
                    .and("v_proj", in)
                    .and("q_proj", in)
                    .and("out_proj", linear(config.width, config.width, out));
        }

        @Override
        public Work work(Extent given) {
            long tokens = given.positions();
            return Work.ofChildren(this, given).plus(Work.fusedAttention(tokens, tokens, config.width));
        }

        @Override
        public String methods() {
            return """
                def forward(self, x: Tensor) -> Tensor:
                  q = self.q_proj.forward(x).unflatten(-1, [%1$d, -1]).transpose(1, 2)       # (N, heads, L, D / heads)
                  k = self.k_proj.forward(x).unflatten(-1, [%1$d, -1]).transpose(1, 2)
                  v = self.v_proj.forward(x).unflatten(-1, [%1$d, -1]).transpose(1, 2)
                  h = torch.scaled_dot_product_attention(q, k, v, None, 0.0, True)           # causal
                  return self.out_proj.forward(h.transpose(1, 2).flatten(2))
                """.formatted(config.heads);
        }
    }

    private record CLIPMLP(Config config) implements ScriptModule {
        @Override
        public Children children() {
            double out = config.initFactor / Math.sqrt(2.0 * config.width * config.layers);
            return Children.of(
                            "fc1",
                            linear(config.width, config.mlpWidth, config.initFactor / Math.sqrt(2.0 * config.width)))
                    .and("fc2", linear(config.mlpWidth, config.width, out));
        }

        @Override
        public String methods() {
            return """
                def forward(self, x: Tensor) -> Tensor:
                  h = self.fc1.forward(x)
                  return self.fc2.forward(%s)
                """.formatted(config.activation.equals("gelu") ? "torch.gelu(h)" : "h * torch.sigmoid(1.702 * h)");
        }
    }

    private static Linear linear(int in, int out, double standardDeviation) {
        return new Linear(in, out, true, new Initialization.Normal(standardDeviation), Initialization.zeros());
    }
}
