package org.rekindle.worker.training;

import org.rekindle.worker.torchscript.ScriptModule;

/**
 * Tensors as bytes, little endian: DJL has no bf16, so tensors of narrow types cross over to Java as uint8. It is {@code view_copy} because
 * TorchScript finds no {@code view} to another type.
 */
record StoredTensors() implements ScriptModule {

    /** The method that gives fp32 tensors of stored ones. */
    static String load(String dtype) {
        return "load_" + dtype;
    }

    /** The method that gives the bytes of tensors, and whether all of their numbers are finite in this type. */
    static String store(String dtype) {
        return "store_" + dtype;
    }

    @Override
    public String methods() {
        return type("F32", 6) + type("F16", 5) + type("BF16", 15);
    }

    private static String type(String dtype, int scalarType) {
        return """
            def load_%1$s(self, bytes: Tensor) -> Tensor:                      # (..., D x size) uint8
              return torch.view_copy(bytes, dtype=%2$d).to(6)                            # (..., D)
            def store_%1$s(self, x: Tensor) -> Tuple[Tensor, Tensor]:          # (..., D)
              narrow = x.to(%2$d).contiguous()
              return torch.view_copy(narrow, dtype=0), torch.isfinite(narrow).all().to(0)  # (..., D x size) uint8, () of 0 and 1
            """.formatted(dtype, scalarType);
    }
}
