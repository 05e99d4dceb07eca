package org.rekindle.worker.models;

import java.util.Map;
import org.rekindle.worker.torchscript.Initialization;
import org.rekindle.worker.torchscript.ParameterSpec;

/** PyTorch's {@code LayerNorm} over the last dimension. */
record LayerNorm(int channels, double eps) implements Counted {

    @Override
    public Map<String, ParameterSpec> parameters() {
        return ParameterSpec.pair(
                "weight", ParameterSpec.of(Initialization.ones(), channels),
                "bias", ParameterSpec.of(Initialization.zeros(), channels));
    }

    @Override
    public Work work(Extent given) {
        return Work.keeping(channels * given.positions());
    }

    @Override
    public String methods() {
        return """
            def forward(self, x: Tensor) -> Tensor:
              return torch.layer_norm(x, [%d], self.weight.to(x.dtype), self.bias.to(x.dtype), %s)
            """.formatted(channels, eps);
    }
}
