package org.rekindle.worker.models;

import java.util.Map;
import org.rekindle.worker.torchscript.ParameterSpec;

/**
 * Projection of tokens (N, S, in) to (N, S, out). In files it is a linear layer or a pointwise convolution, which over tokens are one and the
 * same; as a matrix product it needs no change of layout.
 *
 * @param linear {@code use_linear_projection}: whether the weight is (out, in) or (out, in, 1, 1)
 */
record TokenProjection(int in, int out, boolean linear) implements Counted {

    @Override
    public Map<String, ParameterSpec> parameters() {
        return linear
                ? new Linear(in, out).parameters()
                : Conv2d.pointwise(in, out).parameters();
    }

    @Override
    public Work work(Extent given) {
        return new Linear(in, out).work(given);
    }

    @Override
    public String methods() {
        return """
            def forward(self, x: Tensor) -> Tensor:
              return torch.linear(x, self.weight.flatten(1).to(x.dtype), self.bias.to(x.dtype))
            """;
    }
}
