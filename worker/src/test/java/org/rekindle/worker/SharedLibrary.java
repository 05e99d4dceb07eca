package org.rekindle.worker;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/** A library that a test needs, compiled by gcc from a file of {@code src/test/resources}. */
public final class SharedLibrary {

    private SharedLibrary() {}

    /**
     * @param source below {@code src/test/resources}
     * @param folder where the library is to be
     * @return null where there is no gcc, for the tests to skip themselves one by one: what a class skips as a whole is not counted
     */
    public static Path compile(String source, Path folder) throws InterruptedException {
        Path library =
                folder.resolve("lib" + Path.of(source).getFileName().toString().replaceFirst("\\.c$", ".so"));
        String file = Path.of("src/test/resources", source).toAbsolutePath().toString();
        Process compiler;
        try {
            compiler = new ProcessBuilder(
                            "gcc",
                            "-shared",
                            "-fPIC",
                            "-pthread",
                            "-Wall",
                            "-Werror",
                            "-o",
                            library.toString(),
                            file,
                            "-ldl")
                    .inheritIO()
                    .start();
        } catch (IOException e) {
            return null;
        }
        assertThat(compiler.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(compiler.exitValue()).isZero();
        return library;
    }
}
