package org.rekindle.data.filters;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.stream.Collectors;

/** What a value of the metadata may be; a value of another type than the condition's never is. Immutable. */
public sealed interface Condition {

    boolean accepts(JsonNode value);

    /** Returns the condition as it may be written. */
    String text();

    /** A number compared with a number. */
    record OfNumber(Operator operator, FilterNumber number) implements Condition {

        @Override
        public boolean accepts(JsonNode value) {
            return FilterNumber.isFinite(value) && operator.holds(-number.compareTo(value));
        }

        @Override
        public String text() {
            return operator.symbol() + number.text();
        }
    }

    /** A text or a truth value that equals another, or not. */
    record OfEquality(boolean equal, JsonNode other) implements Condition {

        @Override
        public boolean accepts(JsonNode value) {
            return value.getNodeType() == other.getNodeType() && value.equals(other) == equal;
        }

        @Override
        public String text() {
            return (equal ? "==" : "!=") + FilterText.quoted(other);
        }
    }

    /** One of several values, or none of them; for {@code not in} the value must be of a type that occurs among them. */
    record OfList(boolean in, List<Condition> values) implements Condition {

        @Override
        public boolean accepts(JsonNode value) {
            boolean comparable = false;
            for (Condition each : values) {
                if (each.accepts(value)) {
                    return in;
                }
                comparable |= each instanceof OfNumber
                        ? FilterNumber.isFinite(value)
                        : ((OfEquality) each).other().getNodeType() == value.getNodeType();
            }
            return !in && comparable;
        }

        @Override
        public String text() {
            return values.stream()
                    .map(value -> value.text().substring("==".length()))
                    .collect(Collectors.joining(", ", in ? " in [" : " not in [", "]"));
        }
    }

    /** All of several conditions. */
    record OfAll(List<Condition> conditions) implements Condition {

        @Override
        public boolean accepts(JsonNode value) {
            for (Condition condition : conditions) {
                if (!condition.accepts(value)) {
                    return false;
                }
            }
            return true;
        }

        @Override
        public String text() {
            return conditions.stream().map(Condition::text).collect(Collectors.joining(" and "));
        }
    }
}
