package org.rekindle.coordinator.config;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.rekindle.data.UserException;

/** Arguments {@code key=value} of a command that has no configuration file, bound as strictly as a configuration is. */
public final class CommandOptions {

    private CommandOptions() {}

    /**
     * Binds the arguments to a record, camel case to snake case. Texts are taken as they stand, so that a caption or a path may hold a
     * colon, a number sign or brackets; other values are YAML.
     *
     * @param command its name, for errors
     * @param required keys that must be there
     * @throws UserException in one line, when a key is unknown or missing or a value has the wrong type
     */
    public static <T> T read(String command, List<String> arguments, Class<T> type, String... required) {
        Set<String> texts = texts(type);
        ObjectNode tree = DotList.overrides(arguments.stream()
                .filter(argument -> !texts.contains(keyOf(argument)))
                .toList());
        for (String argument : arguments) {
            String key = keyOf(argument);
            String value = argument.substring(argument.indexOf('=') + 1);
            if (texts.contains(key) && !value.isEmpty()) {
                tree.put(key, value);
            }
        }
        for (String key : required) {
            if (!tree.hasNonNull(key)) {
                throw new UserException(command + ": " + key + "= is missing; see rekindle " + command + " --help");
            }
        }
        return Mapping.bind(tree, type, "", command);
    }

    private static Set<String> texts(Class<?> type) {
        return Arrays.stream(type.getRecordComponents())
                .filter(component -> component.getType() == String.class)
                .map(component -> ((PropertyNamingStrategies.NamingBase) PropertyNamingStrategies.SNAKE_CASE)
                        .translate(component.getName()))
                .collect(Collectors.toSet());
    }

    private static String keyOf(String argument) {
        return argument.substring(0, Math.max(0, argument.indexOf('='))).strip();
    }
}
