package org.rekindle.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** What a command printed and returned, run in this process. */
record CommandRun(int code, String out, String err) {

    static final Path TINY = Path.of("src/test/resources/recipes/tiny.yaml").toAbsolutePath();

    static CommandRun of(String... arguments) {
        PrintStream out = System.out;
        PrintStream err = System.err;
        ByteArrayOutputStream capturedOut = new ByteArrayOutputStream();
        ByteArrayOutputStream capturedErr = new ByteArrayOutputStream();
        System.setOut(new PrintStream(capturedOut, true, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(capturedErr, true, StandardCharsets.UTF_8));
        try {
            int code = Rekindle.commandLine().execute(arguments);
            return new CommandRun(
                    code, capturedOut.toString(StandardCharsets.UTF_8), capturedErr.toString(StandardCharsets.UTF_8));
        } finally {
            System.setOut(out);
            System.setErr(err);
        }
    }

    /** Checks that the command failed with one line on stderr that is no defect's and holds these texts. */
    void assertOneLine(int expectedCode, String... parts) {
        assertThat(code).as("exit code; stderr: %s", err()).isEqualTo(expectedCode);
        assertThat(err().lines()).as("stderr").hasSize(1);
        assertThat(err())
                .startsWith("rekindle: ")
                .doesNotContain("internal error", "Exception")
                .contains(parts);
    }
}
