package org.rekindle.coordinator.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConfigYamlTest {

    @TempDir
    Path folder;

    @Test
    void readsBackToTheSameRun() throws IOException {
        RunConfig config = ConfigReader.read(Yaml.written(
                folder,
                Yaml.SMALL,
                "model.unet.params={norm_eps: 1e-05, act_fn: 'silu', note: '1e5', off: 'no', channels: [1, 2]}",
                "model.tokenizer.params={pad_token: '!'}",
                "dataset.params.filters={key: '>=1'}",
                "distributed.tls={certificate: a.pem, key: a.key, ca: ca.pem}",
                "dataset.make={input: '\\${literal}', source: csv}",
                "optimizer.params.learning_rate=1e-10",
                "experiment.num_examples_to_see=2e10"));
        Path written = Files.writeString(folder.resolve("config.yaml"), ConfigYaml.of(config));

        RunConfig again = ConfigReader.read(Yaml.arguments(written));

        assertThat(again)
                .usingRecursiveComparison()
                .ignoringFields("config", "configDir")
                .isEqualTo(config);
        assertThat(again.dataset().make().input()).isEqualTo("${literal}");
        assertThat(again.configurationHash()).isEqualTo(config.configurationHash());
    }

    @Test
    void holdsNoSecret() {
        RunConfig config = ConfigReader.read(Yaml.written(
                folder,
                Yaml.SMALL,
                "wandb={api_key: s3cr3t, entity: us, nested: {access_token: s3cr3t}}",
                "wandb.more={apikey: s3cr3t, s3_secret: s3cr3t, Password: s3cr3t, list: [{token: s3cr3t}], from: here}",
                "dataset.params.path=https://me:s3cr3t@host/0.tar"));

        assertThat(ConfigYaml.of(config))
                .doesNotContain("s3cr3t")
                .contains("entity: \"us\"", "from: \"here\"", "https://host/0.tar");
    }
}
