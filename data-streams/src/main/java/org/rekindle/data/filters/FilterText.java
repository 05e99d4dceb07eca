package org.rekindle.data.filters;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.rekindle.data.UserException;

/**
 * Reads a filter's expression: comparisons with a number, a quoted text or a truth value, lists and ranges, all of which must hold where
 * there are several. Written by hand because it is a few lines, and because the original's way, handing the text to an interpreter, runs
 * whatever code stands in it.
 *
 * <pre>
 * expression = condition {["and"] condition}
 * condition  = ("&lt;=" | "&gt;=" | "==" | "!=" | "&lt;" | "&gt;") value | ["not"] "in" "[" value {"," value} "]" | number ".." number
 * value      = number | "'" text "'" | '"' text '"' | "true" | "false"
 * </pre>
 */
final class FilterText {

    private static final Pattern SPACE = Pattern.compile("\\s*");
    private static final Pattern AND = Pattern.compile("and\\b");
    private static final Pattern IN = Pattern.compile("(not\\s+)?in\\s*([\\[(])");
    private static final Pattern OPERATOR = Pattern.compile("<=|>=|==|!=|<|>");
    private static final Pattern NUMBER = Pattern.compile(
            "[+-]?(?:\\d[\\d_]{0,99}(?:\\.(?!\\.)\\d{0,99})?|\\.\\d{1,99})(?:[eE][+-]?\\d{1,3})?|[+-]?inf\\b");
    private static final Pattern TRUTH = Pattern.compile("([tT]rue|[fF]alse)\\b");
    private static final Pattern QUOTED = Pattern.compile("'((?:[^'\\\\]|\\\\.)*+)'|\"((?:[^\"\\\\]|\\\\.)*+)\"");

    private final String key;
    private final String text;
    private int at;

    private FilterText(String key, String text) {
        this.key = key;
        this.text = text;
    }

    /**
     * Reads an expression.
     *
     * @param key of the filter, for errors
     * @throws UserException when it is anything else, with the place where it goes wrong
     */
    static Condition read(String key, String expression) {
        return new FilterText(key, expression == null ? "" : expression).expression();
    }

    private Condition expression() {
        List<Condition> conditions = new ArrayList<>();
        conditions.add(condition());
        for (take(SPACE); at < text.length(); take(SPACE)) {
            if (take(AND) != null) {
                take(SPACE);
            }
            conditions.add(condition());
        }
        return conditions.size() == 1 ? conditions.get(0) : new Condition.OfAll(conditions);
    }

    private Condition condition() {
        take(SPACE);
        Matcher operator = take(OPERATOR);
        if (operator != null) {
            return comparison(operator.group());
        }
        Matcher in = take(IN);
        if (in != null) {
            return new Condition.OfList(in.group(1) == null, values(in.group(2).equals("[") ? ']' : ')'));
        }
        int start = at;
        if (take(NUMBER) != null) {
            return range(start);
        }
        throw malformed("expected one of <= >= < > == != and a value, in [...], or a range such as 0.2..0.8");
    }

    private Condition comparison(String symbol) {
        take(SPACE);
        int start = at;
        Condition value = value();
        if (value instanceof Condition.OfNumber number) {
            for (Operator operator : Operator.values()) {
                if (operator.symbol().equals(symbol)) {
                    return new Condition.OfNumber(operator, number.number());
                }
            }
        }
        if (!symbol.equals("==") && !symbol.equals("!=")) {
            at = start;
            throw malformed("a text can only be compared by == and !=");
        }
        return new Condition.OfEquality(symbol.equals("=="), ((Condition.OfEquality) value).other());
    }

    private List<Condition> values(char end) {
        List<Condition> values = new ArrayList<>();
        while (true) {
            take(SPACE);
            values.add(value());
            take(SPACE);
            char next = at < text.length() ? text.charAt(at) : 0;
            if (next != ',' && next != end) {
                throw malformed("expected a comma or " + end);
            }
            at++;
            if (next == end) {
                return List.copyOf(values);
            }
        }
    }

    /** Both ends count. */
    private Condition range(int start) {
        FilterNumber least = number(text.substring(start, at));
        take(SPACE);
        if (!text.startsWith("..", at)) {
            at = start;
            throw malformed("expected an operator before the value, such as \"==" + least.text() + "\"");
        }
        at += 2;
        take(SPACE);
        Matcher most = take(NUMBER);
        if (most == null) {
            throw malformed("expected the range's upper end");
        }
        return new Condition.OfAll(List.of(
                new Condition.OfNumber(Operator.GREATER_OR_EQUAL, least),
                new Condition.OfNumber(Operator.LESS_OR_EQUAL, number(most.group()))));
    }

    /** A value, as the condition that a value of the metadata equals it. */
    private Condition value() {
        Matcher number = take(NUMBER);
        if (number != null) {
            return new Condition.OfNumber(Operator.EQUAL, number(number.group()));
        }
        Matcher truth = take(TRUTH);
        if (truth != null) {
            return new Condition.OfEquality(
                    true, BooleanNode.valueOf(truth.group().equalsIgnoreCase("true")));
        }
        Matcher quoted = take(QUOTED);
        if (quoted != null) {
            String content = quoted.group(1) != null ? quoted.group(1) : quoted.group(2);
            return new Condition.OfEquality(true, TextNode.valueOf(content.replaceAll("\\\\(.)", "$1")));
        }
        throw malformed("expected a number, a quoted text, true or false");
    }

    private FilterNumber number(String written) {
        return FilterNumber.of(written.replace("_", ""));
    }

    /** Returns what stands here and goes behind it; null when it is something else. */
    private Matcher take(Pattern pattern) {
        Matcher matcher = pattern.matcher(text).region(at, text.length());
        if (!matcher.lookingAt()) {
            return null;
        }
        at = matcher.end();
        return matcher;
    }

    /** A value as it may be written. */
    static String quoted(JsonNode value) {
        return value.isTextual()
                ? "'" + value.textValue().replace("\\", "\\\\").replace("'", "\\'") + "'"
                : value.toString();
    }

    private UserException malformed(String expected) {
        return new UserException("dataset.params.filters." + key + " is '" + text + "': "
                + (at >= text.length() ? "at its end " : "at character " + (at + 1) + " ") + expected
                + "; write for instance \"<=0.5\", \">=512 and <1024\", \"=='en'\" or \"in ['en', 'de']\"");
    }
}
