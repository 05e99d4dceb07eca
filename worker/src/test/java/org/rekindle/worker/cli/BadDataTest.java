package org.rekindle.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Data sets that cannot be read, through the command line; {@code bench data} reads them as {@code train} does. */
class BadDataTest {

    @TempDir
    Path folder;

    private Path shard;

    @BeforeEach
    void chooseShard() {
        shard = folder.resolve("shard.tar");
    }

    @Test
    void aMissingShardIsNamed() throws IOException {
        try (TarFile tar = new TarFile(folder.resolve("shard-0.tar"))) {
            tar.image("a", "rgb.png").caption("a", "a picture");
        }

        for (String command : new String[] {"train", "bench data"}) {
            read(command, folder.resolve("shard-{0..2}.tar"))
                    .assertOneLine(
                            1,
                            "2 of 3 shards missing",
                            folder.resolve("shard-1.tar").toString());
        }
        assertThat(folder.resolve("run/tiny/checkpoints")).doesNotExist();
    }

    @Test
    void aFileThatIsNoTarIsNamed() throws IOException {
        Files.writeString(shard, "no tar ".repeat(200));

        read("train", shard).assertOneLine(1, shard.toString(), "is not a tar archive", "make the shard again");
        read("bench data", shard).assertOneLine(1, shard.toString(), "is not a tar archive");
        CommandRun.of("shards", "stat", "path=" + shard).assertOneLine(1, shard.toString(), "is not a tar archive");
    }

    @Test
    void anEmptyTarHasNoExample() throws IOException {
        new TarFile(shard).close();

        CommandRun run = read("bench data", shard);

        assertThat(run.code()).isEqualTo(1);
        assertThat(run.err().lines())
                .containsExactly(
                        "WARN  left out shard.tar: the tar holds no example",
                        "rekindle: no example of the data set can be used: 1 shards with 0 examples, 1 corrupt,"
                                + " named in the log; correct the shards (rekindle shards stat shows what is in them)");
        assertThat(CommandRun.of("shards", "stat", "path=" + shard).code()).isZero();
    }

    @Test
    void examplesWithoutCaptionAreCounted() throws IOException {
        try (TarFile tar = new TarFile(shard)) {
            tar.image("a", "rgb.png").image("b", "rgb.jpg");
        }

        read("bench data", shard).assertOneLine(1, "no example", "2 without a caption", "correct the shards");
    }

    @Test
    void anImageOfZeroBytesIsSkippedAndNamed() throws IOException {
        try (TarFile tar = new TarFile(shard)) {
            tar.member("empty.png", new byte[0])
                    .caption("empty", "nothing")
                    .image("a", "rgb.png")
                    .caption("a", "a");
        }

        CommandRun run = read("bench data", shard);

        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.out()).contains("\"images\":8");
        assertThat(run.err().lines()).containsExactly("WARN  left out shard.tar#empty: the image has zero bytes");
    }

    private CommandRun read(String command, Path path) {
        String[] words = (command + " config=" + CommandRun.TINY + " experiment.log_dir=" + folder.resolve("run")
                        + " dataset.make=null experiment.num_examples_to_see=8 dataset.params.path=" + path)
                .split(" ");
        return CommandRun.of(words);
    }
}
