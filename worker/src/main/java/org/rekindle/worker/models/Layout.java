package org.rekindle.worker.models;

import org.rekindle.worker.torchscript.ComputeType;

/** How feature maps lie in memory. Set once, at a model's input; every operation behind it keeps what it finds. */
final class Layout {

    private Layout() {}

    /**
     * The script expression that casts an input (N, C, H, W): channels last on a GPU, where convolutions want it; plain on a CPU, whose
     * group normalisation is some twenty times slower with channels last (libtorch 2.7.1, few channels per group).
     */
    static String cast(String input, ComputeType computeType) {
        return "%1$s.to(%2$d).contiguous(memory_format=2) if %1$s.is_cuda else %1$s.to(%2$d).contiguous()"
                .formatted(input, computeType.scalarType());
    }
}
