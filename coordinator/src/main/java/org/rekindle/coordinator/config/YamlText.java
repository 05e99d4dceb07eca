package org.rekindle.coordinator.config;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.rekindle.data.UserException;
import org.yaml.snakeyaml.DumperOptions;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.nodes.Tag;
import org.yaml.snakeyaml.representer.Representer;
import org.yaml.snakeyaml.resolver.Resolver;

/**
 * YAML as OmegaConf reads it: YAML 1.1, but {@code 1e-5} and {@code 2e9} are numbers, dates are text and a key given twice is an
 * error. Jackson's own YAML reader follows neither rule, hence SnakeYAML itself.
 */
final class YamlText {

    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

    private YamlText() {}

    /**
     * @param text one YAML document
     * @param origin how an error names the text, such as a file or an argument
     * @throws UserException when it is not YAML
     */
    static JsonNode parse(String text, String origin) {
        LoaderOptions options = new LoaderOptions();
        options.setAllowDuplicateKeys(false);
        Yaml yaml = new Yaml(
                new SafeConstructor(options),
                new Representer(new DumperOptions()),
                new DumperOptions(),
                options,
                new OmegaConfScalars());
        try {
            return toNode(yaml.load(text), Collections.newSetFromMap(new IdentityHashMap<>()), origin);
        } catch (MarkedYAMLException e) {
            String place = e.getProblemMark() == null
                    ? ""
                    : " line " + (e.getProblemMark().getLine() + 1) + " column "
                            + (e.getProblemMark().getColumn() + 1);
            throw new UserException(origin + place + ": not valid YAML: " + oneLine(e.getProblem()), e);
        } catch (YAMLException e) {
            throw new UserException(origin + ": not valid YAML: " + oneLine(e.getMessage()), e);
        }
    }

    private static JsonNode toNode(Object value, Set<Object> around, String origin) {
        if (value instanceof Map<?, ?> || value instanceof List<?>) {
            if (!around.add(value)) {
                throw new UserException(origin + ": an anchor (&) holds itself through an alias (*): remove the alias");
            }
            JsonNode node = value instanceof Map<?, ?> map ? object(map, around, origin) : array(value, around, origin);
            around.remove(value);
            return node;
        } else if (value instanceof Boolean flag) {
            return NODES.booleanNode(flag);
        } else if (value instanceof Integer number) {
            return NODES.numberNode(number);
        } else if (value instanceof Long number) {
            return NODES.numberNode(number);
        } else if (value instanceof Double number) {
            return NODES.numberNode(number);
        } else if (value == null) {
            return NODES.nullNode();
        }
        return NODES.textNode(value.toString());
    }

    private static ObjectNode object(Map<?, ?> map, Set<Object> around, String origin) {
        ObjectNode node = NODES.objectNode();
        map.forEach((key, child) -> node.set(String.valueOf(key), toNode(child, around, origin)));
        return node;
    }

    private static ArrayNode array(Object list, Set<Object> around, String origin) {
        ArrayNode node = NODES.arrayNode();
        ((List<?>) list).forEach(child -> node.add(toNode(child, around, origin)));
        return node;
    }

    private static String oneLine(String problem) {
        return problem == null ? "unreadable" : problem.strip().replaceAll("\\s*\\R\\s*", " ");
    }

    /** What a plain scalar is: the rules of YAML 1.1, with OmegaConf's floats and without dates. */
    private static final class OmegaConfScalars extends Resolver {

        private static final Pattern FLOAT_WITHOUT_POINT = Pattern.compile("[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+");
        private static final Pattern FLOAT_WITH_POINT = Pattern.compile("[-+]?[0-9][0-9_]*\\.[0-9_]*[eE][0-9]+");

        @Override
        protected void addImplicitResolvers() {
            addImplicitResolver(Tag.BOOL, BOOL, "yYnNtTfFoO");
            addImplicitResolver(Tag.INT, INT, "-+0123456789");
            addImplicitResolver(Tag.FLOAT, FLOAT, "-+0123456789.");
            addImplicitResolver(Tag.FLOAT, FLOAT_WITHOUT_POINT, "-+0123456789");
            addImplicitResolver(Tag.FLOAT, FLOAT_WITH_POINT, "-+0123456789");
            addImplicitResolver(Tag.MERGE, MERGE, "<");
            addImplicitResolver(Tag.NULL, NULL, "~nN\0");
            addImplicitResolver(Tag.NULL, EMPTY, null);
        }
    }
}
