package org.rekindle.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A run on precomputed latents beside the same run on images, in processes of their own. */
class LatentsProcessTest {

    private static final int STEPS = 10;

    @TempDir
    Path folder;

    @Test
    void aRunOnLatentsHasTheLossesOfTheRunOnImages() throws Exception {
        CommandRun.of(
                "shards", "make", "source=shapes", "examples=96", "seed=3", "out=" + folder.resolve("shapes.tar"));
        List<String> images = List.of("dataset.make=null", "dataset.params.path=shapes.tar");
        List<Double> online = losses("online", images);
        assertThat(online).hasSize(STEPS);

        String pipeline = "pipeline=online/tiny/current_pipeline";
        for (String dtype : List.of("fp32", "fp16", "bf16")) {
            RekindleProcess.start(folder, latents(dtype, images, pipeline)).awaitSuccess();
            List<Double> precomputed = losses(dtype, on(dtype));
            for (int i = 0; i < STEPS; i++) {
                double tolerance = dtype.equals("fp32") ? 1e-6 : dtype.equals("fp16") ? 1e-3 : 1e-2;
                assertThat(precomputed.get(i))
                        .as("%s, step %d", dtype, i + 1)
                        .isCloseTo(online.get(i), within(tolerance * online.get(i)));
            }
        }
        RekindleProcess again = RekindleProcess.start(folder, latents("fp32", images, pipeline));
        again.awaitSuccess();
        assertThat(again.output()).contains("96 examples in 1 shards, 0 skipped");
        RekindleProcess.start(folder, "shards", "stat", "path=fp32-0.tar", "type=Latents")
                .awaitSuccess();

        assertRefused("stale", "system.seed=8", "fp32-0.tar: its latents are of the autoencoder", "rekindle latents");
        assertRefused("size", "dataset.params.resolution=32", "of 16 px, dataset.params.resolution is 32");
        assertRefused("crop", "dataset.params.random_crop=true", "cannot be had of precomputed latents");
        RekindleProcess crop =
                RekindleProcess.start(folder, latents("bf16", images, "dataset.params.random_crop=true"));
        assertThat(crop.await()).isEqualTo(1);
        assertThat(crop.output()).contains("cannot be had of precomputed latents");
        RekindleProcess other =
                RekindleProcess.start(folder, latents("fp32", images, pipeline, "dataset.params.filters={x: \"<=1\"}"));
        assertThat(other.await()).isEqualTo(1);
        assertThat(other.output()).contains("was made by other arguments");
    }

    private void assertRefused(String run, String setting, String... parts) throws Exception {
        List<String> settings = new ArrayList<>(on("fp32"));
        settings.add(setting);
        RekindleProcess refused = RekindleProcess.start(folder, train(run, settings));
        assertThat(refused.await()).isEqualTo(1);
        assertThat(refused.output()).contains(parts).doesNotContain("\tat ");
    }

    private static List<String> on(String dtype) {
        return List.of(
                "dataset.make=null",
                "dataset.type=Latents",
                "dataset.params.path=" + dtype + "-0.tar",
                "model.tokenizer.params.captions=shapes.tar");
    }

    private List<Double> losses(String run, List<String> settings) throws Exception {
        RekindleProcess.start(folder, train(run, settings)).awaitSuccess();
        List<Double> losses = new ArrayList<>();
        for (String line : Files.readAllLines(folder.resolve(run).resolve("tiny/metrics.jsonl"))) {
            losses.add(new ObjectMapper().readTree(line).get("step_loss").doubleValue());
        }
        return losses;
    }

    private static String[] latents(String dtype, List<String> data, String... settings) {
        List<String> arguments = new ArrayList<>(List.of(
                "latents",
                "config=" + CommandRun.TINY,
                "experiment.log_dir=unused",
                "out=" + dtype + "-{0..9}.tar",
                "dtype=" + dtype));
        arguments.addAll(data);
        arguments.addAll(List.of(settings));
        return arguments.toArray(String[]::new);
    }

    private static String[] train(String run, List<String> settings) {
        List<String> arguments = new ArrayList<>(List.of(
                "train",
                "config=" + CommandRun.TINY,
                "experiment.log_dir=" + run,
                "experiment.num_eval_images=1",
                "experiment.num_examples_to_see=" + 8 * STEPS));
        arguments.addAll(settings);
        return arguments.toArray(String[]::new);
    }
}
