package org.rekindle.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.worker.hub.FakeHub;
import org.rekindle.worker.pipeline.TinyPipeline;

/** {@code rekindle download} as a user starts it, from a hub on this machine. */
class DownloadProcessTest {

    private static final String WEIGHTS = "unet/diffusion_pytorch_model.safetensors";

    @TempDir
    Path folder;

    private Path original;
    private Path out;

    @BeforeEach
    void makePipeline() {
        original = folder.resolve("original");
        out = folder.resolve("out");
        TinyPipeline.write(original, 0);
    }

    @Test
    void aDownloadThatWasKilledGoesOnWithTheSameCommand() throws Exception {
        try (FakeHub hub = new FakeHub().with(original)) {
            int half = hub.files.get(WEIGHTS).length / 2;
            hub.stallAfter(WEIGHTS, half);
            RekindleProcess first = download(hub, Map.of());
            first.await("half of the weights came", () -> partialBytes() > 0);
            first.kill();
            assertThat(out.resolve("model_index.json")).doesNotExist();
            long kept = partialBytes();

            RekindleProcess second = download(hub, Map.of());
            second.awaitSuccess();

            assertThat(hub.served(WEIGHTS))
                    .extracting(FakeHub.Request::range)
                    .containsExactly(null, "bytes=" + kept + "-");
            assertSamePipeline();
            assertThat(second.output())
                    .contains("tiny/model at main, commit ")
                    .contains(WEIGHTS + " (")
                    .contains(out + ": a pipeline of tokenizer (CLIPTokenizer), text_encoder (CLIPTextModel),"
                            + " vae (AutoencoderKL), unet (UNet2DConditionModel), scheduler (PNDMScheduler)")
                    .doesNotContain("\r", "\033");
        }
    }

    @Test
    void theTokenComesFromItsFile() throws Exception {
        Files.createDirectories(folder.resolve("home"));
        Files.writeString(folder.resolve("home/token"), "hf_of_the_file\n");
        try (FakeHub hub = new FakeHub().with(original)) {
            download(hub, Map.of()).awaitSuccess();
            assertThat(hub.requests.get(0).authorization()).isEqualTo("Bearer hf_of_the_file");
        }
    }

    @Test
    void offlineIsToldInOneLine() throws Exception {
        try (FakeHub hub = new FakeHub()) {
            RekindleProcess process = download(hub, Map.of("HF_HUB_OFFLINE", "1"));

            assertThat(process.await()).isEqualTo(1);
            assertThat(process.output())
                    .startsWith("rekindle: model=tiny/model@main: HF_HUB_OFFLINE is set")
                    .hasLineCount(1);
            assertThat(hub.requests).isEmpty();
        }
    }

    @Test
    void aFullDiskIsToldInOneLineAndLeavesNoPipeline() throws Exception {
        try (FakeHub hub = new FakeHub().with(original)) {
            RekindleProcess process =
                    RekindleProcess.startWithFileLimit(environment(hub, Map.of()), folder, 100, arguments());

            assertThat(process.await()).isEqualTo(1);
            assertThat(process.output().lines())
                    .last()
                    .asString()
                    .startsWith("rekindle: " + out)
                    .contains(".safetensors: cannot be written (File too large); check disk space");
            assertThat(out.resolve("model_index.json")).doesNotExist();
        }
    }

    private RekindleProcess download(FakeHub hub, Map<String, String> more) throws IOException {
        return RekindleProcess.startWith(environment(hub, more), folder, arguments());
    }

    private String[] arguments() {
        return new String[] {"download", "model=tiny/model", "out=" + out};
    }

    private Map<String, String> environment(FakeHub hub, Map<String, String> more) {
        Map<String, String> environment = new TreeMap<>();
        environment.put("HF_ENDPOINT", hub.endpoint().toString());
        environment.put("HF_HOME", folder.resolve("home").toString());
        environment.put("HF_TOKEN", "");
        environment.put("HF_HUB_OFFLINE", "");
        environment.putAll(more);
        return environment;
    }

    private long partialBytes() throws IOException {
        Path unet = out.resolve("unet");
        if (!Files.isDirectory(unet)) {
            return 0;
        }
        try (Stream<Path> files = Files.list(unet)) {
            List<Path> partial = files.filter(file -> file.toString().endsWith(".incomplete"))
                    .filter(file -> file.toString().contains("safetensors"))
                    .toList();
            return partial.isEmpty() ? 0 : Files.size(partial.get(0));
        }
    }

    private void assertSamePipeline() throws Exception {
        try (Stream<Path> walk = Files.walk(original)) {
            for (Path file : walk.filter(Files::isRegularFile).toList()) {
                assertThat(out.resolve(original.relativize(file))).hasSameBinaryContentAs(file);
            }
        }
        try (Stream<Path> walk = Files.walk(out)) {
            assertThat(walk).noneMatch(file -> file.toString().endsWith(".incomplete"));
        }
    }
}
