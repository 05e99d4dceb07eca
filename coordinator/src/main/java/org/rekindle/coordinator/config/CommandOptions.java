package org.rekindle.coordinator.config;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import org.rekindle.data.UserException;

/** Arguments {@code key=value} of a command that has no configuration file, bound as strictly as a configuration is. */
public final class CommandOptions {

    private CommandOptions() {}

    /**
     * Binds the arguments to a record, camel case to snake case.
     *
     * @param command its name, for errors
     * @param required keys that must be there
     * @throws UserException in one line, when a key is unknown or missing or a value has the wrong type
     */
    public static <T> T read(String command, List<String> arguments, Class<T> type, String... required) {
        ObjectNode tree = DotList.overrides(arguments);
        for (String key : required) {
            if (!tree.hasNonNull(key)) {
                throw new UserException(command + ": " + key + "= is missing; see rekindle " + command + " --help");
            }
        }
        return Mapping.bind(tree, type, "", command);
    }
}
