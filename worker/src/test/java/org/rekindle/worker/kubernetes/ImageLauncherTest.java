package org.rekindle.worker.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The launcher where the sources are not, as in the image. */
class ImageLauncherTest {

    private static final String JAVA = """
            #!/usr/bin/env bash
            if [ "$1" = -XshowSettings:properties ]; then
              echo "    java.specification.version = 17" >&2
            else
              echo "started: $*"
            fi
            """;

    @TempDir
    Path home;

    @Test
    void itStartsWhatIsThereAndSaysNothingOfABuild() throws Exception {
        Path launcher = Files.copy(Path.of("..", "rekindle"), home.resolve("rekindle"));
        Path jar = Files.createDirectories(home.resolve("worker/target")).resolve("rekindle.jar");
        Files.createFile(jar);
        executable(home.resolve("jdk/bin/java"), JAVA);
        Path output = home.resolve("output");
        ProcessBuilder builder = new ProcessBuilder("bash", launcher.toString(), "train", "config=x.yaml")
                .redirectErrorStream(true)
                .redirectOutput(output.toFile());
        builder.environment().put("JAVA_HOME", home.resolve("jdk").toString());

        Process process = builder.start();

        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).isZero();
        assertThat(Files.readAllLines(output)).singleElement().satisfies(line -> assertThat(line)
                .startsWith("started: ")
                .contains(home.toRealPath() + "/worker/target/lib/*")
                .endsWith("train config=x.yaml"));
        assertThat(home.resolve("target")).doesNotExist();
    }

    private static void executable(Path file, String text) throws IOException {
        Files.createDirectories(file.getParent());
        assertThat(Files.writeString(file, text).toFile().setExecutable(true)).isTrue();
    }
}
