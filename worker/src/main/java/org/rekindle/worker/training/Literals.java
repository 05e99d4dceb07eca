package org.rekindle.worker.training;

import java.math.BigDecimal;

/** Numbers as a script spells them. */
final class Literals {

    private Literals() {}

    /** The exact value as a decimal with a point, never in Java's {@code 1.0E-8}. */
    static String of(double value) {
        String plain = BigDecimal.valueOf(value).toPlainString();
        return plain.contains(".") ? plain : plain + ".0";
    }
}
