package org.rekindle.data.filters;

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

    String symbol() {
        return symbol;
    }

    /** Whether the comparison holds for a value that compares to the other as {@code sign}. */
    boolean holds(int sign) {
        return switch (this) {
            case LESS_OR_EQUAL -> sign <= 0;
            case GREATER_OR_EQUAL -> sign >= 0;
            case EQUAL -> sign == 0;
            case NOT_EQUAL -> sign != 0;
            case LESS -> sign < 0;
            case GREATER -> sign > 0;
        };
    }
}
