package org.rekindle.coordinator.config;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import org.rekindle.coordinator.config.InterpolatedText.Environment;
import org.rekindle.coordinator.config.InterpolatedText.Literal;
import org.rekindle.coordinator.config.InterpolatedText.Part;
import org.rekindle.coordinator.config.InterpolatedText.Reference;
import org.rekindle.data.UserException;

/**
 * Resolves {@code ${a.b}}, {@code ${.sibling}} and {@code ${oc.env:NAME,default}} in a tree, lazily as OmegaConf does: only what is asked
 * for is looked at. Values that are still {@code ???}, or that refer to one, are left out and remembered in {@link #unfilled}.
 */
final class Interpolations {

    private static final String UNFILLED = "???";

    private final ObjectNode root;
    private final UnaryOperator<String> environment;
    private final Map<String, String> unfilled = new TreeMap<>();
    private final Deque<String> open = new ArrayDeque<>();
    private int references;

    /**
     * @param root the whole tree; not changed
     * @param environment gives an environment variable's value, null where there is none
     */
    Interpolations(ObjectNode root, UnaryOperator<String> environment) {
        this.root = root;
        this.environment = environment;
    }

    /** Keys left out because nobody filled them in, each with the key that says {@code ???}. */
    Map<String, String> unfilled() {
        return unfilled;
    }

    /** Returns one section without interpolations; a missing node where it is absent. */
    JsonNode section(String name) {
        JsonNode raw = root.path(name);
        if (raw.isMissingNode()) {
            return raw;
        }
        try {
            return resolve(List.of(name), raw);
        } catch (UnfilledException e) {
            unfilled.put(name, e.key);
            return NullNode.getInstance();
        }
    }

    /** Returns one value of a section, looking at no other; a missing node where it is absent or still {@code ???}. */
    JsonNode value(String section, String key) {
        JsonNode raw = root.path(section).path(key);
        try {
            return raw.isMissingNode() ? raw : resolve(List.of(section, key), raw);
        } catch (UnfilledException e) {
            return MissingNode.getInstance();
        }
    }

    private JsonNode resolve(List<String> path, JsonNode raw) {
        String key = String.join(".", path);
        if (open.contains(key)) {
            List<String> circle = new ArrayList<>(open);
            circle.add(key);
            throw new UserException(key + ": its interpolation goes in a circle: "
                    + String.join(" -> ", circle.subList(circle.indexOf(key), circle.size())));
        }
        open.addLast(key);
        try {
            if (raw instanceof ObjectNode section) {
                return resolveSection(path, section);
            } else if (raw instanceof ArrayNode list) {
                ArrayNode resolved = Mapping.nodes().arrayNode();
                for (int i = 0; i < list.size(); i++) {
                    resolved.add(resolve(child(path, Integer.toString(i)), list.get(i)));
                }
                return resolved;
            }
            return raw.isTextual() ? resolveText(path, raw.textValue()) : raw;
        } finally {
            open.removeLast();
        }
    }

    private ObjectNode resolveSection(List<String> path, ObjectNode section) {
        ObjectNode resolved = Mapping.nodes().objectNode();
        section.properties().forEach(entry -> {
            List<String> child = child(path, entry.getKey());
            try {
                resolved.set(entry.getKey(), resolve(child, entry.getValue()));
            } catch (UnfilledException e) {
                if (references > 0) {
                    throw e;
                }
                unfilled.put(String.join(".", child), e.key);
            }
        });
        return resolved;
    }

    private JsonNode resolveText(List<String> path, String text) {
        if (text.equals(UNFILLED)) {
            throw new UnfilledException(String.join(".", path));
        }
        List<Part> parts = InterpolatedText.parse(text, String.join(".", path));
        if (parts.size() == 1) {
            return value(path, parts.get(0));
        }
        return TextNode.valueOf(joined(path, parts));
    }

    private String joined(List<String> path, List<Part> parts) {
        StringBuilder text = new StringBuilder();
        for (Part part : parts) {
            JsonNode value = value(path, part);
            if (value.isContainerNode()) {
                throw new UserException(String.join(".", path) + ": " + part
                        + " is a section or a list and cannot stand inside of text");
            }
            text.append(PythonText.of(value));
        }
        return text.toString();
    }

    private JsonNode value(List<String> path, Part part) {
        if (part instanceof Literal literal) {
            return TextNode.valueOf(literal.text());
        } else if (part instanceof Environment variable) {
            return environmentValue(path, variable);
        }
        Reference reference = (Reference) part;
        references++;
        try {
            List<String> target = target(path, reference);
            return resolve(target, find(path, reference, target));
        } finally {
            references--;
        }
    }

    private JsonNode environmentValue(List<String> path, Environment variable) {
        String name = joined(path, variable.name());
        String value = environment.apply(name);
        if (value != null) {
            return TextNode.valueOf(value);
        } else if (variable.standIn() == null) {
            throw new UserException(String.join(".", path) + ": the environment variable " + name
                    + " is not set; set it, or write ${oc.env:" + name + ",DEFAULT}");
        }
        String standIn = joined(path, variable.standIn());
        return standIn.equals("null") ? NullNode.getInstance() : TextNode.valueOf(standIn);
    }

    /** The path a reference means, with links on the way followed: {@code ${a.c}} where {@code a: ${b}} means {@code b.c}. */
    private List<String> target(List<String> path, Reference reference) {
        String dotted = joined(path, reference.key()).strip().replaceAll("\\[([^\\]]*)\\]", ".$1");
        List<String> target = new ArrayList<>();
        int dots = 0;
        while (dots < dotted.length() && dotted.charAt(dots) == '.') {
            dots++;
        }
        if (dots > path.size()) {
            throw new UserException(String.join(".", path) + ": " + reference + " has more dots than there are levels");
        } else if (dots > 0) {
            target.addAll(path.subList(0, path.size() - dots));
        }
        for (String name : dotted.substring(dots).split("\\.", -1)) {
            target = new ArrayList<>(followed(target));
            target.add(name);
        }
        return target;
    }

    /** Follows {@code path} where its value is nothing but a reference. */
    private List<String> followed(List<String> path) {
        JsonNode raw = path.isEmpty() ? root : at(path);
        if (raw == null || !raw.isTextual()) {
            return path;
        }
        String key = String.join(".", path);
        List<Part> parts = InterpolatedText.parse(raw.textValue(), key);
        if (parts.size() != 1 || !(parts.get(0) instanceof Reference reference)) {
            return path;
        }
        if (open.contains("*" + key)) {
            throw new UserException(key + ": its interpolation goes in a circle through " + raw.textValue());
        }
        open.addLast("*" + key);
        try {
            return followed(target(path, reference));
        } finally {
            open.removeLast();
        }
    }

    private JsonNode find(List<String> path, Reference reference, List<String> target) {
        JsonNode found = at(target);
        if (found != null) {
            return found;
        }
        JsonNode parent = target.size() == 1 ? root : at(target.subList(0, target.size() - 1));
        if (parent != null && parent.asText().equals(UNFILLED)) {
            throw new UnfilledException(String.join(".", target.subList(0, target.size() - 1)));
        }
        String last = target.get(target.size() - 1);
        String nearest = parent instanceof ObjectNode section
                ? NearestKey.hint(
                        last,
                        section.properties().stream().map(Map.Entry::getKey).toList())
                : "";
        throw new UserException(String.join(".", path) + ": " + reference + " refers to " + String.join(".", target)
                + ", which is not there" + nearest);
    }

    private JsonNode at(List<String> path) {
        JsonNode node = root;
        for (String name : path) {
            boolean index = node instanceof ArrayNode && name.matches("[0-9]{1,6}");
            node = index ? node.get(Integer.parseInt(name)) : node.get(name);
            if (node == null) {
                return null;
            }
        }
        return node;
    }

    private static List<String> child(List<String> path, String name) {
        List<String> child = new ArrayList<>(path);
        child.add(name);
        return child;
    }

    /** A value that is still {@code ???}; caught where the section that holds it is resolved. */
    private static final class UnfilledException extends RuntimeException {

        private final String key;

        private UnfilledException(String key) {
            super(key, null, false, false);
            this.key = key;
        }
    }
}
