package org.rekindle.data.filters;

import com.fasterxml.jackson.databind.JsonNode;
import java.math.BigDecimal;

/**
 * A number of a filter, compared as Python compares: with a decimal fraction as doubles, with a whole number exactly. Nothing is allocated
 * unless a whole number is beyond what a double holds.
 *
 * @param text as it may be written
 * @param value the nearest double
 * @param exact the number itself; null where {@code value} is it
 */
public record FilterNumber(String text, double value, BigDecimal exact) {

    private static final long EXACT_IN_DOUBLE = 1L << 53;

    /** @param text a decimal number, or {@code inf} with or without a sign */
    static FilterNumber of(String text) {
        if (text.endsWith("inf")) {
            double value = text.startsWith("-") ? Double.NEGATIVE_INFINITY : Double.POSITIVE_INFINITY;
            return new FilterNumber(text, value, null);
        }
        BigDecimal exact = new BigDecimal(text);
        double value = exact.doubleValue();
        boolean isExact = Double.isFinite(value) && new BigDecimal(value).compareTo(exact) == 0;
        return new FilterNumber(exact.toString(), value, isExact ? null : exact);
    }

    static boolean isFinite(JsonNode value) {
        return value.isNumber() && (value.isIntegralNumber() || Double.isFinite(value.doubleValue()));
    }

    /** Returns how this compares to a finite number of the metadata. */
    int compareTo(JsonNode other) {
        boolean small = other.canConvertToLong() && Math.abs(other.longValue()) <= EXACT_IN_DOUBLE;
        if (!other.isIntegralNumber() || Double.isInfinite(value) || small && exact == null) {
            double number = other.doubleValue();
            return value < number ? -1 : value > number ? 1 : 0;
        }
        return (exact == null ? new BigDecimal(value) : exact).compareTo(other.decimalValue());
    }
}
