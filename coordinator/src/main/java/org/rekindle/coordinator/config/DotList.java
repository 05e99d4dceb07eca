package org.rekindle.coordinator.config;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import org.rekindle.data.UserException;

/**
 * Arguments {@code config=path key=value ...} and the tree they make: the YAML with the overrides merged into it. Sections merge, lists
 * and scalars replace, as OmegaConf does it.
 */
final class DotList {

    private DotList() {}

    /** Reads the YAML that {@code config=} names and merges the other arguments into it. Interpolations stay as they are. */
    static ObjectNode read(List<String> arguments) {
        String config = null;
        for (String argument : arguments) {
            if (key(argument).equals("config")) {
                config = value(argument);
            }
        }
        if (config == null || config.isBlank()) {
            throw new UserException(
                    "config=FILE is missing: name the run's YAML, such as config=configs/demo/shapes.yaml");
        }
        ObjectNode root = readFile(config);
        merge(root, overrides(arguments));
        root.put("config", config);
        root.put(
                "config_dir",
                Path.of(config).toAbsolutePath().normalize().getParent().toString());
        return root;
    }

    /** The tree that the arguments make by themselves, without {@code config=}. */
    static ObjectNode overrides(List<String> arguments) {
        ObjectNode root = Mapping.nodes().objectNode();
        for (String argument : arguments) {
            if (!key(argument).equals("config")) {
                merge(root, override(argument));
            }
        }
        return root;
    }

    private static ObjectNode readFile(String config) {
        String text;
        try {
            text = Files.readString(Path.of(config));
        } catch (NoSuchFileException e) {
            throw new UserException("config=" + config + ": no such file; the current folder is "
                    + Path.of("").toAbsolutePath());
        } catch (CharacterCodingException e) {
            throw new UserException("config=" + config + ": not a text file in UTF-8; it should be the run's YAML", e);
        } catch (IOException | InvalidPathException e) {
            throw new UserException(
                    "config=" + config + ": cannot be read; it should be the run's YAML (" + e.getMessage() + ")", e);
        }
        if (YamlText.parse(text, config) instanceof ObjectNode root) {
            return root;
        }
        throw new UserException(config + ": not a YAML of sections such as `system:` and `experiment:`");
    }

    private static ObjectNode override(String argument) {
        String[] path = key(argument).split("\\.", -1);
        ObjectNode root = Mapping.nodes().objectNode();
        ObjectNode section = root;
        for (int i = 0; i < path.length - 1; i++) {
            section = section.putObject(path[i]);
        }
        String origin = "argument " + argument + " (quote a value that begins with one of {[*&!%@`'\")";
        String value = value(argument);
        // A filter's expression such as >=512, of which YAML would make a folded text or a tag.
        boolean expression = value.startsWith(">") || value.startsWith("!=");
        section.set(
                path[path.length - 1], expression ? Mapping.nodes().textNode(value) : YamlText.parse(value, origin));
        return root;
    }

    private static void merge(ObjectNode into, ObjectNode from) {
        from.properties().forEach(entry -> {
            JsonNode present = into.get(entry.getKey());
            if (present instanceof ObjectNode section && entry.getValue() instanceof ObjectNode overrides) {
                merge(section, overrides);
            } else {
                into.set(entry.getKey(), entry.getValue());
            }
        });
    }

    private static String key(String argument) {
        int equals = argument.indexOf('=');
        String key = equals < 0 ? "" : argument.substring(0, equals).strip();
        if (key.isEmpty() || key.startsWith(".") || key.endsWith(".") || key.contains("..")) {
            throw new UserException("argument " + argument + " is not key=value, such as system.batch_size=4");
        }
        return key;
    }

    private static String value(String argument) {
        return argument.substring(argument.indexOf('=') + 1);
    }
}
