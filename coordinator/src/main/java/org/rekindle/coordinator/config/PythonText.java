package org.rekindle.coordinator.config;

import com.fasterxml.jackson.databind.JsonNode;
import java.math.BigDecimal;
import java.util.Locale;

/** Scalars as Python's {@code str} writes them, which is what OmegaConf puts into text: run names hold learning rates. */
final class PythonText {

    private PythonText() {}

    static String of(JsonNode scalar) {
        if (scalar.isNull()) {
            return "None";
        } else if (scalar.isBoolean()) {
            return scalar.booleanValue() ? "True" : "False";
        } else if (scalar.isFloatingPointNumber()) {
            return of(scalar.doubleValue());
        }
        return scalar.asText();
    }

    private static String of(double value) {
        if (!Double.isFinite(value)) {
            return Double.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
        }
        BigDecimal decimal = new BigDecimal(Double.toString(value)).stripTrailingZeros();
        int exponent = decimal.precision() - decimal.scale() - 1;
        if (decimal.signum() == 0) {
            return "0.0";
        } else if (exponent >= -4 && exponent < 16) {
            return decimal.scale() > 0 ? decimal.toPlainString() : decimal.toPlainString() + ".0";
        }
        String digits = decimal.unscaledValue().abs().toString();
        String fraction = digits.length() == 1 ? "" : "." + digits.substring(1);
        return (decimal.signum() < 0 ? "-" : "")
                + digits.charAt(0)
                + fraction
                + String.format(Locale.ROOT, "e%s%02d", exponent < 0 ? "-" : "+", Math.abs(exponent));
    }
}
