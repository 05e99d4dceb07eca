package org.rekindle.worker.models;

import java.util.Locale;

/** An activation that {@code act_fn} names; diffusers' {@code get_activation}. */
enum Activation {
    SILU,
    GELU,
    MISH,
    RELU;

    static Activation of(ConfigValues values) {
        String word = values.word("act_fn", "silu", "swish", "gelu", "mish", "relu");
        return word.equals("swish") ? SILU : valueOf(word.toUpperCase(Locale.ROOT));
    }

    /** The script expression of its value. */
    String of(String x) {
        return "torch.%s(%s)".formatted(name().toLowerCase(Locale.ROOT), x);
    }
}
