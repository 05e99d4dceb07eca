package org.rekindle.worker.cli;

import java.util.List;
import org.rekindle.data.UserException;
import picocli.CommandLine.Parameters;

/** The arguments of a command, in the original's dot notation. */
final class KeyValues {

    @Parameters(
            arity = "0..*",
            paramLabel = "key=value",
            description = "settings of this command, such as config=FILE or system.batch_size=4; values are YAML")
    private List<String> arguments = List.of();

    List<String> list() {
        return arguments;
    }

    /** The text of an argument that belongs to the command itself, not to the configuration. */
    String required(String command, String key) {
        return arguments.stream()
                .filter(argument -> argument.startsWith(key + "="))
                .map(argument -> argument.substring(key.length() + 1))
                .reduce((first, last) -> last)
                .orElseThrow(() ->
                        new UserException(command + ": " + key + "= is missing; see rekindle " + command + " --help"));
    }

    /** A number of the command's own. */
    static int number(String command, String key, Integer value, int otherwise, int least) {
        if (value != null && value < least) {
            throw new UserException(command + ": " + key + "=" + value + ", allowed is at least " + least);
        }
        return value == null ? otherwise : value;
    }

    List<String> without(String key) {
        return arguments.stream()
                .filter(argument -> !argument.startsWith(key + "="))
                .toList();
    }
}
