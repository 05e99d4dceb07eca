package org.rekindle.worker.models;

import java.util.Map;
import org.rekindle.worker.torchscript.Initialization;
import org.rekindle.worker.torchscript.ParameterSpec;
import org.rekindle.worker.torchscript.ScriptModule;

/** PyTorch's {@code Embedding}: ids (...) to fp32 (..., width). */
record Embedding(int count, int width, Initialization init) implements ScriptModule {

    @Override
    public Map<String, ParameterSpec> parameters() {
        return Map.of("weight", ParameterSpec.of(init, count, width));
    }

    @Override
    public String methods() {
        return """
            def forward(self, ids: Tensor) -> Tensor:
              return torch.embedding(self.weight, ids)
            """;
    }
}
