package org.rekindle.worker;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.coordinator.config.ConfigReader;
import org.rekindle.coordinator.config.TlsConfig;

/** The section in {@code configs/templates/tls.yaml} goes into a recipe as it is. */
class TlsTemplateTest {

    private static final Path TEMPLATE = Path.of("..", "configs", "templates", "tls.yaml");
    private static final Path RECIPE = Path.of("src/test/resources/recipes/tiny.yaml");

    @TempDir
    Path folder;

    @Test
    void copiedIntoARecipeItNamesTheThreeFiles() throws IOException {
        Path recipe = Files.writeString(
                folder.resolve("recipe.yaml"), Files.readString(RECIPE) + "\n" + Files.readString(TEMPLATE));

        assertThat(ConfigReader.read(List.of("config=" + recipe, "experiment.log_dir=runs"))
                        .distributed()
                        .tls())
                .isEqualTo(new TlsConfig("tls/node.pem", "tls/node.key", "tls/ca.pem"));
    }
}
