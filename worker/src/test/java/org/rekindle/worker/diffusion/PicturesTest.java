package org.rekindle.worker.diffusion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.data.UserException;
import org.rekindle.data.formats.Example;
import org.rekindle.data.formats.ExampleReader;
import org.rekindle.data.formats.ReadListener;
import org.rekindle.data.formats.WebDatasetFormat;
import org.rekindle.data.stores.LocalShard;

class PicturesTest {

    @TempDir
    Path folder;

    @Property
    void workersShareAFolderWithoutGapOrOverlap(
            @ForAll @IntRange(min = 1, max = 9) int workers, @ForAll @IntRange(min = 1, max = 40) int count) {
        List<String> drawn = new ArrayList<>();
        int largest = 0;
        int smallest = count;
        for (int rank = 0; rank < workers; rank++) {
            List<String> own = uids(Pictures.of("out", prompts(count), rank, workers));
            drawn.addAll(own);
            largest = Math.max(largest, own.size());
            smallest = Math.min(smallest, own.size());
        }
        assertThat(drawn).containsExactlyInAnyOrderElementsOf(uids(Pictures.of("out", prompts(count), 0, 1)));
        assertThat(largest - smallest).isLessThanOrEqualTo(1);
    }

    @Property
    void shardsDoNotDependOnTheNumberOfWorkers(
            @ForAll @IntRange(min = 1, max = 8) int workers, @ForAll @IntRange(min = 8, max = 40) int count) {
        List<Pictures> alone = Pictures.of("x-{0..7}.tar", prompts(count), 0, 1);
        List<Pictures> shared = new ArrayList<>();
        for (int rank = 0; rank < workers; rank++) {
            shared.addAll(Pictures.of("x-{0..7}.tar", prompts(count), rank, workers));
        }
        assertThat(shared).containsExactlyInAnyOrderElementsOf(alone);
        assertThat(uids(alone)).containsExactlyElementsOf(uids(Pictures.of("x.tar", prompts(count), 0, 1)));
        assertThat(alone).allSatisfy(shard -> assertThat(shard.prompts()).hasSizeBetween(count / 8, (count + 7) / 8));
    }

    @Test
    void aShardHoldsPicturesAndCaptionsAndItsPartsGo() throws IOException {
        Path file = folder.resolve("new/x.tar");
        Pictures shard = Pictures.of(file.toString(), prompts(3), 0, 1).get(0);
        assertThat(shard.missing()).hasSize(3);
        Files.createDirectories(shard.folder());
        draw(shard, 0);
        draw(shard, 1);
        assertThat(shard.missing()).extracting(PromptList.Entry::uid).containsExactly("p2");
        draw(shard, 2);
        Files.writeString(shard.folder().resolve(".p2.png.tmp"), "left by a worker that was killed");
        byte[] second = Files.readAllBytes(shard.folder().resolve("p1.png"));

        assertThat(shard.finish()).isEqualTo(file);
        assertThat(shard.missing()).isEmpty();
        assertThat(shard.finish()).as("again").isEqualTo(file);
        try (var files = Files.list(file.getParent())) {
            assertThat(files).containsExactly(file);
        }
        try (ExampleReader reader = WebDatasetFormat.DEFAULT.open(new LocalShard(file), ReadListener.NONE)) {
            reader.next();
            Example example = reader.next();
            assertThat(example.captions()).containsExactly("caption 1, größer");
            assertThat(example.image().read()).isEqualTo(second);
        }
        assertThatThrownBy(() ->
                        Pictures.of(file.toString(), prompts(4), 0, 1).get(0).missing())
                .isInstanceOf(UserException.class)
                .hasMessageContaining("holds pictures of other captions");
        Files.write(file, new byte[700]);
        Files.write(
                file, "no tar at all, but long enough to be asked".repeat(30).getBytes());
        assertThatThrownBy(shard::missing)
                .isInstanceOf(UserException.class)
                .hasMessageContaining("x.tar")
                .hasMessageContaining("delete it");
    }

    @Test
    void onlyTheFirstWorkerMakesAGrid() throws IOException {
        for (int rank = 0; rank < 2; rank++) {
            Pictures pictures =
                    Pictures.of(folder.toString(), prompts(4), rank, 2).get(0);
            draw(pictures, 0);
            draw(pictures, 1);
            Path grid = folder.resolve("grid.png");
            assertThat(pictures.finish()).isEqualTo(rank == 0 ? grid : folder);
            assertThat(grid).exists();
        }
    }

    @Test
    void whatDoesNotFitShardsIsTold() {
        assertRefused("x.tar", prompts(3), 2, "names 1 shards for 2 workers");
        assertRefused("x-{0..3}.tar", prompts(3), 1, "3 captions do not fill 4 shards");
        assertRefused("x-{0..3.tar", prompts(3), 1, "brace notation");
        assertRefused("x.tar", List.of(new PromptList.Entry("a.b", "c")), 1, "uid \"a.b\" has a dot");
    }

    private static void assertRefused(String out, List<PromptList.Entry> prompts, int workers, String message) {
        assertThatThrownBy(() -> Pictures.of(out, prompts, 0, workers))
                .isInstanceOf(UserException.class)
                .hasMessageContaining(message)
                .message()
                .doesNotContain("\n");
    }

    private static void draw(Pictures pictures, int index) throws IOException {
        BufferedImage image = new BufferedImage(2, 2, BufferedImage.TYPE_INT_RGB);
        image.setRGB(0, 0, index);
        RgbImages.writePng(
                image, Pictures.file(pictures.folder(), pictures.prompts().get(index)));
    }

    private static List<PromptList.Entry> prompts(int count) {
        return IntStream.range(0, count)
                .mapToObj(i -> new PromptList.Entry("p" + i, "caption " + i + ", größer"))
                .toList();
    }

    private static List<String> uids(List<Pictures> share) {
        return share.stream()
                .flatMap(pictures -> pictures.prompts().stream())
                .map(PromptList.Entry::uid)
                .toList();
    }
}
