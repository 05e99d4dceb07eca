package org.rekindle.worker.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rekindle.data.KeyedRandom;
import org.rekindle.data.lanes.BatchContent;
import org.rekindle.data.lanes.LaneBatch;
import org.rekindle.data.lanes.LaneCursor;
import org.rekindle.worker.models.SegmentWork;
import org.rekindle.worker.models.Work;
import org.rekindle.worker.pipeline.PipelineDirectory;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.torchscript.Torch;

class EncodeBatchTest {

    private static final int SIDE = 32;
    private static final List<String> CAPTIONS =
            List.of("a red circle", "", "a blue star", "two green squares", "a heart");

    @TempDir
    Path folder;

    /** Libraries may sum in another order for another batch. */
    @ParameterizedTest
    @CsvSource({"1, FP32, 1e-5", "2, FP32, 1e-5", "4, FP32, 1e-5", "2, BF16, 2e-2"})
    void whatIsEncodedInPartsIsWhatIsEncodedAtOnce(int atOnce, ComputeType type, float tolerance) {
        PipelineDirectory pipeline =
                PipelineDirectory.open(TinyRun.denoising(folder).fresh().pipeline());
        try (NDManager manager = Torch.manager();
                OnlineEncoders whole = OnlineEncoders.open(manager, pipeline, type, CAPTIONS.size());
                OnlineEncoders parts = OnlineEncoders.open(manager, pipeline, type, atOnce)) {
            Draws draws = new LaneDraws(1, 1, 0);

            assertClose(whole.latents(manager, batch(), draws), parts.latents(manager, batch(), draws), tolerance);
            assertClose(whole.states(manager, batch()), parts.states(manager, batch()), tolerance);
        }
    }

    private static void assertClose(NDArray expected, NDArray actual, float tolerance) {
        assertThat(actual.getShape()).isEqualTo(expected.getShape());
        float[] numbers = expected.toFloatArray();
        float[] others = actual.toFloatArray();
        for (int i = 0; i < numbers.length; i++) {
            assertThat(others[i]).isCloseTo(numbers[i], within(tolerance));
        }
    }

    private static LaneBatch batch() {
        byte[] pixels = new byte[CAPTIONS.size() * SIDE * SIDE * 3];
        KeyedRandom.of(0, "pixels").nextBytes(pixels);
        return new LaneBatch(
                0,
                new BatchContent.Pixels(pixels, SIDE, SIDE),
                CAPTIONS,
                List.of("a", "b", "c", "d", "e"),
                LaneCursor.START,
                LaneCursor.START);
    }

    @Test
    void theWholeBatchIsEncodedAtOnceWhereThePassesTakeMore() {
        assertThat(memory(1000, 10).encodeBatch(64, false)).isEqualTo(64);
        assertThat(memory(1000, 10).encodeBatch(64, true)).isEqualTo(64);
    }

    @Property
    void encodingNeverTakesMoreThanThePassesUnlessOneExampleDoes(
            @ForAll @IntRange(min = 1, max = 2000) int saved,
            @ForAll @IntRange(min = 1, max = 2000) int image,
            @ForAll @IntRange(min = 1, max = 100) int batch,
            @ForAll boolean recomputing) {
        DenoisingMemory memory = memory(saved, image);
        long passes = memory.passes(batch).of(recomputing ? Set.copyOf(memory.segments()) : Set.of());

        int atOnce = memory.encodeBatch(batch, recomputing);

        assertThat(atOnce).isBetween(1, batch);
        assertThat(atOnce == 1 || memory.encoding(atOnce) <= passes).isTrue();
        assertThat(atOnce == batch || memory.encoding(atOnce + 1) > passes)
                .as("no larger one would do")
                .isTrue();
    }

    private static SegmentWork segment(long saved) {
        return new SegmentWork(new Work(1, saved, saved, 1), 1, 0, 0);
    }

    private static DenoisingMemory memory(long saved, long image) {
        return new DenoisingMemory(
                List.of("segment_in", "segment_out"),
                batch -> List.of(segment(saved), segment(saved)),
                List.of(new Work(1, 0, image, image), new Work(1, 0, 1, 1)),
                ComputeType.FP32);
    }
}
