package org.rekindle.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** One run over odd data in processes of its own: used twice at once, stopped, changed, out of disk space. */
class BadDataTrainingTest {

    /** Of 1024 bytes: holds the weights of the tiny UNet (282 kB) and not the state of its optimizer (twice that). */
    private static final int FILE_LIMIT = 450;

    @TempDir
    Path folder;

    @Test
    void aRunSurvivesOddExamplesSignalsChangesAndAFullDisk() throws Exception {
        makeShard(folder.resolve("odd.tar"));

        RekindleProcess first = start(0);
        first.awaitLines(folder.resolve("tiny/metrics.jsonl"), 3);
        CommandRun.of(arguments()).assertOneLine(1, "in use by process", "choose another experiment.name");
        first.signal("TERM");
        first.awaitSuccess();
        assertThat(first.output().lines().filter(line -> line.startsWith("WARN")))
                .isNotEmpty()
                .allSatisfy(line -> assertThat(line).contains("empty", "left out"));
        assertThat(first.output()).contains("SIGTERM").doesNotContain("Exception", "libpng", "OpenCV");

        RekindleProcess second = start(0);
        second.awaitLines(folder.resolve("tiny/metrics.jsonl"), steps() + 3);
        second.signal(RekindleProcess.interruptsReachProcesses() ? "INT" : "TERM");
        second.awaitSuccess();
        Path newest = checkpoints().get(checkpoints().size() - 1);

        CommandRun.of(arguments("system.batch_size=8")).assertOneLine(1, "system.batch_size=8 does not fit", "keep");
        CommandRun.of(arguments("system.seed=8")).assertOneLine(1, "system.seed=8 does not fit", "trained with 7");

        RekindleProcess full = start(FILE_LIMIT, "experiment.save_every=1");
        assertThat(full.await()).isNotZero();
        assertThat(full.output().lines().filter(line -> line.startsWith("rekindle: ")))
                .singleElement()
                .asString()
                .contains("the checkpoint cannot be written", "checkpoints before it are intact", "free space");
        assertThat(full.output()).doesNotContain("\tat ");
        assertThat(checkpoints().get(checkpoints().size() - 1)).isEqualTo(newest);
        CommandRun verify = CommandRun.of("verify", "run=" + folder.resolve("tiny"));
        assertThat(verify.code()).as(verify.out()).isZero();

        damage(newest.resolve("unet.safetensors"));
        verify = CommandRun.of("verify", "run=" + folder.resolve("tiny"));
        assertThat(verify.code()).isEqualTo(1);
        assertThat(verify.out()).contains(newest.getFileName().toString(), "unet.safetensors");
        assertThat(verify.err()).isEmpty();
    }

    private static void makeShard(Path shard) throws IOException {
        try (TarFile tar = new TarFile(shard)) {
            tar.image("pixel", "pixel.png").caption("pixel", "one pixel");
            tar.image("print", "cmyk.jpg").caption("print", "inks");
            tar.image("deep", "grey16.png").caption("deep", "sixteen bits");
            tar.member("empty.png", new byte[0]).caption("empty", "nothing");
            tar.image("mute", "rgb.png");
            tar.image("long", "rgb.jpg").caption("long", "words ".repeat(1667));
        }
    }

    private String[] arguments(String... settings) {
        List<String> arguments = new ArrayList<>(List.of(
                "train",
                "config=" + CommandRun.TINY,
                "experiment.log_dir=" + folder,
                "experiment.num_examples_to_see=80000",
                "experiment.save_every=100000",
                "dataset.make=null",
                "dataset.params.path=" + folder.resolve("odd.tar")));
        arguments.addAll(List.of(settings));
        return arguments.toArray(String[]::new);
    }

    private RekindleProcess start(int fileLimit, String... settings) throws IOException {
        return fileLimit == 0
                ? RekindleProcess.start(folder, arguments(settings))
                : RekindleProcess.startWithFileLimit(folder, fileLimit, arguments(settings));
    }

    private int steps() throws IOException {
        return Files.readAllLines(folder.resolve("tiny/metrics.jsonl")).size();
    }

    private List<Path> checkpoints() throws IOException {
        try (Stream<Path> entries = Files.list(folder.resolve("tiny/checkpoints"))) {
            return entries.sorted().toList();
        }
    }

    private static void damage(Path file) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        bytes[bytes.length - 1] ^= 1;
        Files.write(file, bytes);
    }
}
