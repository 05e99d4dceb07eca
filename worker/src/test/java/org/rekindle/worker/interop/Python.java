package org.rekindle.worker.interop;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Runs the scripts of {@code src/test/python} with the interpreter and module path that Maven was given. */
final class Python {

    private static final Duration TIMEOUT = Duration.ofMinutes(5);

    /** Nothing here may be fetched. */
    private static final Map<String, String> OFFLINE = Map.of("HF_HUB_OFFLINE", "1");

    private Python() {}

    /**
     * Runs a script to its end.
     *
     * @param folder for the script's output
     * @return the last line of standard output, empty if there is none
     */
    static String run(Path folder, String script, Object... arguments) throws IOException, InterruptedException {
        return run(folder, TIMEOUT, OFFLINE, script, arguments);
    }

    /** As {@link #run(Path, String, Object...)}, with more in its environment. */
    static String run(Path folder, Map<String, String> environment, String script, Object... arguments)
            throws IOException, InterruptedException {
        return run(folder, TIMEOUT, environment, script, arguments);
    }

    /** As {@link #run(Path, String, Object...)}, for scripts that take longer than a few minutes. */
    static String run(Path folder, Duration timeout, String script, Object... arguments)
            throws IOException, InterruptedException {
        return run(folder, timeout, OFFLINE, script, arguments);
    }

    private static String run(
            Path folder, Duration timeout, Map<String, String> environment, String script, Object... arguments)
            throws IOException, InterruptedException {
        Path output = Files.createTempFile(folder, script, ".out");
        Path errors = Files.createTempFile(folder, script, ".err");
        List<String> command = new ArrayList<>();
        command.add(System.getProperty("python"));
        command.add(Path.of("src/test/python", script).toAbsolutePath().toString());
        for (Object argument : arguments) {
            command.add(argument.toString());
        }
        ProcessBuilder builder = new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectOutput(output.toFile())
                .redirectError(errors.toFile());
        builder.environment().putAll(environment);
        String path = System.getProperty("python.path", "");
        if (!path.isEmpty()) {
            builder.environment().put("PYTHONPATH", path);
        }
        Process process = builder.start();
        if (!process.waitFor(timeout.toSeconds(), TimeUnit.SECONDS)) {
            process.destroyForcibly().waitFor();
            throw new AssertionError(script + " did not end in " + timeout.toSeconds() + " s");
        }
        if (process.exitValue() != 0) {
            throw new AssertionError(script + ": exit code " + process.exitValue() + "\n" + Files.readString(errors));
        }
        List<String> lines = Files.readAllLines(output);
        return lines.isEmpty() ? "" : lines.get(lines.size() - 1);
    }
}
