package org.rekindle.worker.models;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rekindle.worker.torchscript.Children;
import org.rekindle.worker.torchscript.ScriptModule;
import org.rekindle.worker.torchscript.Torch;
import org.rekindle.worker.torchscript.TorchModule;

class ScaledDotProductAttentionTest {

    /** Attention computed in a type, of inputs that are rounded to bf16 either way. */
    private record InType(int scalarType, boolean upcast) implements ScriptModule {
        @Override
        public Children children() {
            return Children.of("attend", new ScaledDotProductAttention(upcast));
        }

        @Override
        public String methods() {
            return """
                def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
                  q, k, v = q.to(15).to(%1$d), k.to(15).to(%1$d), v.to(15).to(%1$d)
                  return self.attend.forward(q, k, v).to(6)
                """.formatted(scalarType);
        }
    }

    /** Scores of some hundreds have steps of 1 or 2 in bf16, so softmax goes astray. The fused kernel (more than 256 x 256) has them in fp32. */
    @ParameterizedTest
    @CsvSource({"40, false, 0.1, 9", "40, true, 0, 0.02", "300, false, 0, 0.02", "300, true, 0, 0.02"})
    void upcastAttentionAndTheFusedKernelKeepScoresInFloat32(int tokens, boolean upcast, double above, double below) {
        Torch.init(1);
        try (NDManager manager = Torch.manager()) {
            Random random = new Random(3);
            NDArray q = normal(manager, random, tokens, 8);
            NDArray k = normal(manager, random, tokens, 8);
            NDArray v = normal(manager, random, tokens, 1);
            float[] expected = attend(manager, new InType(6, false), q, k, v);
            float[] actual = attend(manager, new InType(15, upcast), q, k, v);
            double error = 0;
            for (int i = 0; i < expected.length; i++) {
                error = Math.max(error, Math.abs(actual[i] - expected[i]));
            }
            assertThat(error).isBetween(above, below);
        }
    }

    private static NDArray normal(NDManager manager, Random random, int tokens, float scale) {
        float[] values = new float[2 * tokens * 16];
        for (int i = 0; i < values.length; i++) {
            values[i] = scale * (float) random.nextGaussian();
        }
        return manager.create(values, new Shape(1, 2, tokens, 16));
    }

    private static float[] attend(NDManager manager, ScriptModule root, NDArray q, NDArray k, NDArray v) {
        return TorchModule.load(manager, root)
                .call(manager, "forward", q, k, v)
                .singletonOrThrow()
                .toFloatArray();
    }
}
