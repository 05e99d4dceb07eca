package org.rekindle.coordinator.config;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Configurations for tests. */
final class Yaml {

    static final String SMALL = """
            system:
              batch_size: 4
            experiment:
              log_dir: runs
              name: small
              num_examples_to_see: 100
            optimizer:
              params:
                learning_rate: 0.0001
            model:
              pretrained: pipelines/small
            dataset:
              params:
                path: data/shapes.tar
            """;

    private Yaml() {}

    /** The arguments {@code config=FILE overrides...} for a file in {@code folder} that holds {@code text}. */
    static List<String> written(Path folder, String text, String... overrides) {
        try {
            Path file = Files.writeString(folder.resolve("run.yaml"), text);
            return arguments(file, overrides);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static List<String> arguments(Path file, String... overrides) {
        List<String> arguments = new ArrayList<>(List.of("config=" + file));
        arguments.addAll(List.of(overrides));
        return arguments;
    }

    static Path resource(String name) {
        try {
            return Path.of(Yaml.class.getResource("/" + name).toURI());
        } catch (URISyntaxException e) {
            throw new IllegalArgumentException(e);
        }
    }
}
