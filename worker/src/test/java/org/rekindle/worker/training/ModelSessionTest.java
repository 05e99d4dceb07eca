package org.rekindle.worker.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.coordinator.checkpoints.Checkpoint;
import org.rekindle.coordinator.config.GradientCheckpointing;
import org.rekindle.coordinator.config.RunConfig;
import org.rekindle.data.UserException;
import org.rekindle.worker.pipeline.Component;
import org.rekindle.worker.pipeline.PipelineDirectory;
import org.rekindle.worker.pipeline.SafetensorsFile;
import org.rekindle.worker.pipeline.TinyPipeline;
import org.rekindle.worker.training.TrainingSession.StepResult;

class ModelSessionTest {

    @TempDir
    private Path folder;

    @Test
    void aRestoredSessionGoesOnBitForBit() {
        TinyRun run = TinyRun.denoising(folder);
        Checkpoint third;
        Checkpoint second;
        double loss;
        try (ModelSession session = ModelSession.open(run.config(), run.fresh(), line -> {})) {
            step(session, 1);
            step(session, 2);
            second = run.write(session.snapshot(), 2);
            loss = step(session, 3).lossSum();
            third = run.write(session.snapshot(), 3);
        }

        TinyRun resumed = TinyRun.denoising(folder.resolve("resumed"));
        try (ModelSession session = ModelSession.open(resumed.config(), second, line -> {})) {
            assertThat(step(session, 3).lossSum()).isEqualTo(loss);
            Checkpoint again = resumed.write(session.snapshot(), 3);

            assertThat(again.state().session()).isEqualTo(third.state().session());
            for (String file : List.of("optimizer.safetensors", "ema.safetensors", "unet.safetensors")) {
                assertThat(again.folder().resolve(file))
                        .hasSameBinaryContentAs(third.folder().resolve(file));
            }
        }
    }

    @Test
    void aCheckpointHoldsAverageAndRawWeightsAndAWholePipeline() {
        TinyRun run = TinyRun.denoising(folder);
        try (ModelSession session = ModelSession.open(run.config(), run.fresh(), line -> {})) {
            step(session, 1);
            Checkpoint checkpoint = run.write(session.snapshot(), 1);

            PipelineDirectory pipeline = PipelineDirectory.open(checkpoint.pipeline())
                    .require(Component.UNET, Component.VAE, Component.TEXT_ENCODER, Component.TOKENIZER);
            Map<String, List<Float>> published = read(pipeline.weights(Component.UNET));
            assertThat(published).isEqualTo(read(checkpoint, "ema.safetensors"));
            assertThat(published).isNotEqualTo(read(checkpoint, "unet.safetensors"));
            assertThat(read(checkpoint, "optimizer.safetensors").keySet())
                    .contains("exp_avg.conv_in.weight", "exp_avg_sq.conv_in.weight")
                    .hasSize(2 * published.size());
        }
    }

    @Test
    void withoutEmaThePipelineHoldsTheRawWeights() {
        TinyRun run = TinyRun.denoising(folder).withoutEma();
        try (ModelSession session = ModelSession.open(run.config(), run.fresh(), line -> {})) {
            step(session, 1);
            Checkpoint checkpoint = run.write(session.snapshot(), 1);

            assertThat(checkpoint.folder().resolve("unet.safetensors")).doesNotExist();
            assertThat(checkpoint.folder().resolve("ema.safetensors")).doesNotExist();
            double second = step(session, 2).lossSum();
            TinyRun resumed = new TinyRun(folder.resolve("resumed"), false, null, run.target());
            try (ModelSession again = ModelSession.open(resumed.config(), checkpoint, line -> {})) {
                assertThat(step(again, 2).lossSum()).isEqualTo(second);
            }
        }
    }

    @Test
    void theFirstUpdateMovesTheAverageByNineElevenths() {
        TinyRun run = TinyRun.denoising(folder);
        Checkpoint start = run.fresh();
        try (ModelSession session = ModelSession.open(run.config(), start, line -> {})) {
            step(session, 1);
            Checkpoint checkpoint = run.write(session.snapshot(), 1);

            float before = first(PipelineDirectory.open(start.pipeline()).weights(Component.UNET), "conv_out.weight");
            float raw = first(SafetensorsFile.open(checkpoint.folder().resolve("unet.safetensors")), "conv_out.weight");
            float ema = first(SafetensorsFile.open(checkpoint.folder().resolve("ema.safetensors")), "conv_out.weight");
            assertThat(raw).isNotEqualTo(before);
            assertThat(ema).isCloseTo(before + (raw - before) * 9 / 11, within(1e-7f));
        }
    }

    @Test
    void averagesStartFromTheWeightsThatEmaPathNames() {
        TinyRun run = TinyRun.denoising(folder);
        Checkpoint start = run.fresh();
        Checkpoint trained;
        try (ModelSession session = ModelSession.open(run.config(), start, line -> {})) {
            step(session, 1);
            trained = run.write(session.snapshot(), 1);
        }

        TinyRun other = new TinyRun(folder.resolve("other"), true, null, run.target()).withEmaFrom(trained.pipeline());
        try (ModelSession session = ModelSession.open(other.config(), start, line -> {})) {
            Checkpoint checkpoint = other.write(session.snapshot(), 0);

            assertThat(read(checkpoint, "ema.safetensors")).isEqualTo(read(trained, "ema.safetensors"));
            assertThat(read(checkpoint, "unet.safetensors"))
                    .isEqualTo(read(PipelineDirectory.open(start.pipeline()).weights(Component.UNET)));
        }
    }

    @Test
    void averagesStartFromTheUnetEmaFolderOfDiffusersScripts() throws IOException {
        TinyRun run = TinyRun.denoising(folder);
        Checkpoint start = run.fresh();
        Path saved = folder.resolve("checkpoint-500");
        Files.createDirectories(saved);
        PipelineDirectory averages = TinyPipeline.write(folder.resolve("averages"), 2);
        PipelineDirectory weights = TinyPipeline.write(folder.resolve("weights"), 3);
        Files.move(averages.root().resolve("unet"), saved.resolve("unet_ema"));
        Files.move(weights.root().resolve("unet"), saved.resolve("unet"));
        Path file = saved.resolve("unet_ema/diffusion_pytorch_model.safetensors");

        for (Path path : List.of(saved, saved.resolve("unet_ema"), file)) {
            TinyRun other = new TinyRun(folder.resolve("from" + path.getNameCount()), true, null, run.target());
            try (ModelSession session =
                    ModelSession.open(other.withEmaFrom(path).config(), start, line -> {})) {
                assertThat(read(other.write(session.snapshot(), 0), "ema.safetensors"))
                        .as(path.toString())
                        .isEqualTo(read(SafetensorsFile.open(file)));
            }
        }
    }

    @Test
    void averagesOfAnotherModelAreRefusedInOneLine() throws IOException {
        TinyRun run = TinyRun.denoising(folder);
        Checkpoint start = run.fresh();
        Path vae = start.pipeline().resolve("vae");

        assertThatThrownBy(() -> ModelSession.open(run.withEmaFrom(vae).config(), start, line -> {}))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("model.ema.path: unet")
                .hasMessageContaining("lacks")
                .hasMessageNotContaining("\n");
        assertThatThrownBy(() -> ModelSession.open(
                        run.withEmaFrom(folder.resolve("none")).config(), start, line -> {}))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("none: no such file")
                .hasMessageNotContaining("\n");
    }

    @Test
    void severalLanesGiveTheSumOfTheirLossesWhoeverRunsThem() {
        TinyRun run = TinyRun.denoising(folder);
        try (ModelSession session = ModelSession.open(run.config(), run.fresh(), line -> {})) {
            double zero = losses(session, 0);
            double one = losses(session, 1);

            assertThat(losses(session, 0, 1)).isCloseTo(zero + one, within(1e-6));
            assertThat(zero).isNotEqualTo(one);
        }
    }

    @Test
    void theSameLaneTwiceHalvedHasTheGradientOfOnce() {
        TinyRun run = TinyRun.denoising(folder);
        try (ModelSession session = ModelSession.open(run.config(), run.fresh(), line -> {})) {
            StepResult once = session.computeGradients(1, List.of(TinyRun.batch(1, 0)), 1);
            session.discard();
            StepResult twice = session.computeGradients(1, List.of(TinyRun.batch(1, 0), TinyRun.batch(1, 0)), 2);
            session.discard();

            assertThat(twice.gradientNorm()).isEqualTo(once.gradientNorm());
        }
    }

    @Test
    void aDiscardedStepLeavesNoTrace() {
        TinyRun run = TinyRun.denoising(folder);
        try (ModelSession session = ModelSession.open(run.config(), run.fresh(), line -> {})) {
            StepResult first = session.computeGradients(1, List.of(TinyRun.batch(1, 0)), 1);
            session.discard();

            assertThat(step(session, 1)).isEqualTo(first);
        }
    }

    @Test
    void trainingOnOneBatchLowersItsLoss() {
        TinyRun run = TinyRun.denoising(folder).autoencoder();
        try (ModelSession session = ModelSession.open(run.config(), run.fresh(), line -> {})) {
            double first =
                    session.computeGradients(1, List.of(TinyRun.batch(1, 0)), 1).lossSum();
            double last = first;
            for (int step = 1; step <= 30; step++) {
                last = session.computeGradients(step, List.of(TinyRun.batch(1, 0)), 1)
                        .lossSum();
                session.apply(step);
            }
            assertThat(last).isLessThan(0.9 * first);

            Checkpoint checkpoint = run.write(session.snapshot(), 30);
            assertThat(read(checkpoint, "vae.safetensors").keySet()).contains("encoder.conv_in.weight");
        }
    }

    @Test
    void recomputedActivationsTrainLikeThePlainStepsBitForBit() {
        TinyRun run = TinyRun.denoising(folder);
        Checkpoint start = run.fresh();

        assertThat(curve(run.config("fp32", GradientCheckpointing.TRUE), start)).isEqualTo(curve(run.config(), start));
    }

    @Test
    void bf16TrainsWithinOnePercentOfFp32() {
        TinyRun run = TinyRun.denoising(folder);
        Checkpoint start = run.fresh();
        List<StepResult> exact = curve(run.config(), start);

        for (GradientCheckpointing checkpointing : GradientCheckpointing.values()) {
            List<StepResult> rounded = curve(run.config("bf16", checkpointing), start);

            assertThat(rounded).isNotEqualTo(exact);
            for (int step = 0; step < exact.size(); step++) {
                assertThat(rounded.get(step).lossSum())
                        .as("loss of step %d", step + 1)
                        .isCloseTo(exact.get(step).lossSum(), Percentage.withPercentage(1));
            }
        }
    }

    /** Losses and gradient norms of 20 steps. */
    private static List<StepResult> curve(RunConfig config, Checkpoint start) {
        try (ModelSession session = ModelSession.open(config, start, line -> {})) {
            return IntStream.rangeClosed(1, 20)
                    .mapToObj(step -> step(session, step))
                    .toList();
        }
    }

    @Test
    void activationsRecomputedAsMemoryAllowsTrainLikeThePlainStepAndTheChoiceIsTold() {
        TinyRun run = TinyRun.denoising(folder);
        Checkpoint start = run.fresh();
        StepResult plain;
        try (ModelSession session = ModelSession.open(run.config(), start, line -> {})) {
            plain = step(session, 1);
        }
        List<String> told = new ArrayList<>();
        try (ModelSession session =
                ModelSession.open(run.config("fp32", GradientCheckpointing.AUTO), start, told::add)) {
            assertThat(told)
                    .singleElement()
                    .asString()
                    .startsWith("model.gradient_checkpointing auto: ")
                    .contains("run again; predicted are ");
            assertThat(step(session, 1)).isEqualTo(plain);
        }
    }

    @Test
    void aCheckpointWithoutItsMomentsIsRefusedInOneLine() throws IOException {
        TinyRun run = TinyRun.denoising(folder);
        Checkpoint checkpoint;
        try (ModelSession session = ModelSession.open(run.config(), run.fresh(), line -> {})) {
            step(session, 1);
            checkpoint = run.write(session.snapshot(), 1);
        }
        Files.delete(checkpoint.folder().resolve("optimizer.safetensors"));

        assertThatThrownBy(() -> ModelSession.open(run.config(), checkpoint, line -> {}))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("optimizer.safetensors")
                .hasMessageNotContaining("\n");
    }

    private static StepResult step(ModelSession session, long step) {
        StepResult result = session.computeGradients(step, List.of(TinyRun.batch(step, 0)), 1);
        assertThat(result.finite()).isTrue();
        session.apply(step);
        return result;
    }

    private static double losses(ModelSession session, Integer... lanes) {
        List<Integer> list = List.of(lanes);
        double sum = session.computeGradients(
                        1, list.stream().map(lane -> TinyRun.batch(1, lane)).toList(), 2)
                .lossSum();
        session.discard();
        return sum;
    }

    private static Map<String, List<Float>> read(Checkpoint checkpoint, String file) {
        return read(SafetensorsFile.open(checkpoint.folder().resolve(file)));
    }

    private static Map<String, List<Float>> read(SafetensorsFile open) {
        try (SafetensorsFile file = open) {
            Map<String, List<Float>> tensors = new TreeMap<>();
            for (String name : file.names()) {
                tensors.put(name, values(file.tensor(name).floats()));
            }
            return tensors;
        }
    }

    private static List<Float> values(float[] floats) {
        return IntStream.range(0, floats.length).mapToObj(i -> floats[i]).toList();
    }

    private static float first(SafetensorsFile open, String name) {
        try (SafetensorsFile file = open) {
            return file.tensor(name).floats()[0];
        }
    }
}
