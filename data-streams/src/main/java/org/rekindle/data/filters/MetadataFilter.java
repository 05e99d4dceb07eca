package org.rekindle.data.filters;

import com.fasterxml.jackson.databind.JsonNode;
import java.math.BigDecimal;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.rekindle.data.UserException;

/**
 * One condition on one field of an example's json metadata, such as {@code pwatermark: "<=0.5"} or {@code lang: "=='en'"}. A field that
 * is missing, null, not a number (NaN, infinite) or of another type than the value rejects the example.
 *
 * @param key the field
 * @param operator how to compare
 * @param number the value to compare with; null when {@code text} is given
 * @param text the text to compare with, by {@code ==} and {@code !=} only
 */
public record MetadataFilter(String key, Operator operator, BigDecimal number, String text) {

    /** The comparisons of the grammar, longest first where one begins with another. */
    public enum Operator {
        LESS_OR_EQUAL("<="),
        GREATER_OR_EQUAL(">="),
        EQUAL("=="),
        NOT_EQUAL("!="),
        LESS("<"),
        GREATER(">");

        private final String symbol;

        Operator(String symbol) {
            this.symbol = symbol;
        }

        /** Whether the comparison holds for a value that compares to the filter's as {@code sign}. */
        private boolean holds(int sign) {
            return switch (this) {
                case LESS_OR_EQUAL -> sign <= 0;
                case GREATER_OR_EQUAL -> sign >= 0;
                case EQUAL -> sign == 0;
                case NOT_EQUAL -> sign != 0;
                case LESS -> sign < 0;
                case GREATER -> sign > 0;
            };
        }

        private static Operator of(String symbol) {
            for (Operator operator : values()) {
                if (operator.symbol.equals(symbol)) {
                    return operator;
                }
            }
            throw new IllegalArgumentException(symbol);
        }
    }

    private static final Pattern GRAMMAR = Pattern.compile("\\s*(<=|>=|==|!=|<|>)\\s*"
            + "(?:([+-]?(?:\\d+\\.?\\d*|\\.\\d+)(?:[eE][+-]?\\d{1,3})?)|'([^']*)'|\"([^\"]*)\")\\s*");

    /**
     * Reads an expression: an operator and a number, or {@code ==} or {@code !=} and a quoted text.
     *
     * @throws UserException when it is anything else
     */
    public static MetadataFilter parse(String key, String expression) {
        Matcher matcher = GRAMMAR.matcher(expression == null ? "" : expression);
        if (!matcher.matches()) {
            throw malformed(key, expression, "expected one of <= >= < > == != and a number, such as \"<=0.5\"");
        }
        Operator operator = Operator.of(matcher.group(1));
        if (matcher.group(2) != null) {
            return new MetadataFilter(key, operator, new BigDecimal(matcher.group(2)), null);
        }
        if (operator != Operator.EQUAL && operator != Operator.NOT_EQUAL) {
            throw malformed(key, expression, "a text can only be compared by == and !=");
        }
        String text = matcher.group(3) != null ? matcher.group(3) : matcher.group(4);
        return new MetadataFilter(key, operator, null, text);
    }

    /** Returns whether metadata (null for none) passes. */
    public boolean accepts(JsonNode metadata) {
        JsonNode value = metadata == null ? null : metadata.get(key);
        if (value == null) {
            return false;
        }
        if (text != null) {
            return value.isTextual() && operator.holds(value.textValue().equals(text) ? 0 : 1);
        }
        boolean finite = value.isNumber() && Double.isFinite(value.doubleValue());
        return finite && operator.holds(value.decimalValue().compareTo(number));
    }

    /** Returns the filter as it may be written, such as {@code pwatermark<=0.5}; the name its rejections are counted by. */
    public String name() {
        return key + operator.symbol + (text == null ? number.toString() : "'" + text + "'");
    }

    private static UserException malformed(String key, String expression, String expected) {
        return new UserException("dataset.params.filters." + key + " is '" + expression + "': " + expected);
    }
}
