package org.rekindle.worker.models;

import java.util.Map;
import org.rekindle.worker.torchscript.Initialization;
import org.rekindle.worker.torchscript.ParameterSpec;

/** PyTorch's {@code Linear}: (..., in) to (..., out). */
record Linear(int in, int out, boolean bias, Initialization weightInit, Initialization biasInit) implements Counted {

    Linear(int in, int out, boolean bias) {
        this(in, out, bias, Initialization.fanIn(in), Initialization.fanIn(in));
    }

    Linear(int in, int out) {
        this(in, out, true);
    }

    @Override
    public Map<String, ParameterSpec> parameters() {
        ParameterSpec weight = ParameterSpec.of(weightInit, out, in);
        return bias
                ? ParameterSpec.pair("weight", weight, "bias", ParameterSpec.of(biasInit, out))
                : Map.of("weight", weight);
    }

    @Override
    public Work work(Extent given) {
        long positions = given.positions();
        return Work.product((long) in * out * positions, in * positions, out * positions)
                .withCast(given.cast((long) in * out));
    }

    @Override
    public String methods() {
        return """
            def forward(self, x: Tensor) -> Tensor:
              return torch.linear(x, self.weight.to(x.dtype), %s)
            """.formatted(bias ? "self.bias.to(x.dtype)" : "None");
    }
}
