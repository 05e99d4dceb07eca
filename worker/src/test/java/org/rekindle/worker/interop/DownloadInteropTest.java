package org.rekindle.worker.interop;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.worker.cli.RekindleProcess;
import org.rekindle.worker.hub.FakeHub;

/** {@code rekindle download} and diffusers fetch the same files from the same hub. */
@Tag("interop")
class DownloadInteropTest {

    @TempDir
    Path folder;

    @Test
    void diffusersChoosesTheSameFilesAndOpensWhatRekindleFetched() throws Exception {
        Path model = folder.resolve("model");
        Path out = folder.resolve("out");
        Python.run(folder, "make_hub_model.py", TrainedPipeline.folder(), model);
        try (FakeHub hub = new FakeHub().with(model)) {
            Map<String, String> environment = Map.of(
                    "HF_ENDPOINT", hub.endpoint().toString(),
                    "HF_HOME", folder.resolve("home").toString(),
                    "HF_HUB_OFFLINE", "0");
            RekindleProcess.startWith(environment, folder, "download", "model=tiny/model", "out=" + out)
                    .awaitSuccess();

            String chosen =
                    Python.run(folder, environment, "download_pipeline.py", "tiny/model", folder.resolve("cache"), out);

            assertThat(files(out)).containsExactlyInAnyOrder(new ObjectMapper().readValue(chosen, String[].class));
            assertThat(files(out)).anyMatch(file -> file.contains("-of-"));
        }
    }

    private static List<String> files(Path out) throws Exception {
        try (Stream<Path> walk = Files.walk(out)) {
            return walk.filter(Files::isRegularFile)
                    .map(file -> out.relativize(file).toString())
                    .toList();
        }
    }
}
