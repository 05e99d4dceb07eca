package org.rekindle.worker.torchscript;

import ai.djl.engine.EngineException;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.rekindle.data.UserException;

/** The libtorch that the environment names in the place of the one for CPUs that comes along. */
public final class NamedLibtorch {

    /** What to set for one with CUDA. DJL sees neither version nor CUDA in the folder, and has natives for no others. */
    public static final String SETTINGS = "PYTORCH_LIBRARY_PATH=FOLDER PYTORCH_VERSION=2.7.1 PYTORCH_FLAVOR=cu128";

    private static final String FOLDER = "PYTORCH_LIBRARY_PATH";
    private static final List<String> VARIABLES = List.of(FOLDER, "PYTORCH_VERSION", "PYTORCH_FLAVOR");

    private NamedLibtorch() {}

    /** @throws UserException when a folder is named that has no libtorch: DJL would take the one for CPUs without a word */
    static void require(Map<String, String> environment) {
        String named = environment.get(FOLDER);
        if (named != null && Arrays.stream(named.split(File.pathSeparator)).noneMatch(NamedLibtorch::isLibtorch)) {
            throw new UserException("environment: " + FOLDER + "=" + named + ": expected is a folder with "
                    + System.mapLibraryName("torch") + " in it, such as the lib folder of a libtorch; set " + SETTINGS
                    + ", or none of the three for CPUs");
        }
    }

    /** As DJL looks for it. */
    private static boolean isLibtorch(String path) {
        String library = System.mapLibraryName("torch");
        return Files.isRegularFile(Path.of(path, library))
                || path.endsWith(File.separator + library) && Files.isRegularFile(Path.of(path));
    }

    /** What is told when the libtorch that is named cannot be loaded; the same exception where none is named. */
    static RuntimeException unloadable(EngineException e, Map<String, String> environment) {
        String set = VARIABLES.stream()
                .filter(environment::containsKey)
                .map(variable -> variable + "=" + environment.get(variable))
                .collect(Collectors.joining(" "));
        if (set.isEmpty()) {
            return e;
        }
        Throwable cause = e;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        return new UserException(
                "environment: the libtorch of " + set + " cannot be loaded ("
                        + String.valueOf(cause.getMessage()).lines().findFirst().orElse("") + "); set all of "
                        + SETTINGS
                        + " for that version of it, or none for CPUs",
                e);
    }
}
