package org.rekindle.worker.cli;

import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.stream.Collectors;
import org.rekindle.coordinator.checkpoints.RunFolder;
import org.rekindle.coordinator.config.ObjectiveConfig;
import org.rekindle.coordinator.config.RunConfig;
import org.rekindle.coordinator.membership.LaneShares;
import org.rekindle.data.DatasetConfig;
import org.rekindle.data.formats.ShardSurvey;
import org.rekindle.data.shards.ShardRecipe;
import org.rekindle.worker.diffusion.NoiseSchedule;
import org.rekindle.worker.diffusion.PromptList;
import org.rekindle.worker.pipeline.Component;
import org.rekindle.worker.pipeline.PipelineDraft;
import org.rekindle.worker.training.StepFlops;
import org.rekindle.worker.training.StepForecast;
import org.rekindle.worker.training.StepMemory;

/**
 * What a run would do, without doing it: checks what a start checks and tells what follows from the configuration. Nothing is made in
 * the run folder, no store is asked and no device is touched.
 *
 * @param nodes workers of the first start
 */
record DryRun(RunConfig config, int nodes) {

    private static final Map<Component, String> NAMES =
            Map.of(Component.UNET, "UNet", Component.VAE, "autoencoder", Component.TEXT_ENCODER, "text encoder");

    /**
     * Returns lines to print.
     *
     * @throws org.rekindle.data.UserException when the run could not start, for another reason than a model that is not on this machine
     */
    List<String> lines() {
        RunFolder.requireNew(config);
        Table table = new Table();
        ShardSurvey shards = shards(table);
        lanes(table, shards);
        steps(table, shards);
        PipelineDraft draft =
                PipelineDraft.of(config.model(), config.dataset(), StepForecast.computeType(config), required());
        if (isDenoising() && draft.schedule() != null) {
            NoiseSchedule.of(draft.schedule()).requireTargets();
        }
        if (isDenoising() && config.experiment().evalCaptionFile() != null) {
            PromptList.read(Path.of(config.experiment().evalCaptionFile()));
        }
        Optional<StepForecast> forecast = StepForecast.of(config, draft, shares().workers());
        checkpoints(table, forecast);
        models(table, draft);
        forecast.ifPresent(step -> {
            flops(table, step);
            memory(table, step);
        });
        return table.lines();
    }

    private boolean isDenoising() {
        return config.objective().target().equals(ObjectiveConfig.DENOISING);
    }

    private Set<Component> required() {
        return isDenoising()
                ? EnumSet.of(Component.VAE, Component.TEXT_ENCODER, Component.TOKENIZER, Component.UNET)
                : EnumSet.of(Component.VAE);
    }

    private int lanes() {
        return config.lanes(nodes);
    }

    private LaneShares shares() {
        return LaneShares.of(lanes(), nodes, config.system().maxWorkers());
    }

    private ShardSurvey shards(Table table) {
        DatasetConfig dataset = config.dataset();
        String path = dataset.params().path();
        boolean make = RunShards.areToBeMade(dataset);
        ShardSurvey survey = make
                ? ShardSurvey.toBeMade(path, examples(dataset.make()))
                : ShardSurvey.of(dataset, "dataset.params.path", path);
        shards(table, "shards", survey, make ? "made at the start" : "on this machine");
        if (config.validation().isOn()) {
            String held = config.validation().path();
            shards(table, "validation", ShardSurvey.of(dataset, "validation.path", held), "on this machine");
        }
        return survey;
    }

    /** Of pictures that are drawn; others depend on what is found. */
    private static OptionalLong examples(ShardRecipe make) {
        boolean drawn = make.source() != null && make.source().matches("shapes|colours");
        return drawn ? OptionalLong.of(make.examples()) : OptionalLong.empty();
    }

    private static void shards(Table table, String name, ShardSurvey survey, String where) {
        String local = survey.local() == 0 ? "" : "%,d %s".formatted(survey.local(), where);
        String remote = survey.remote() == 0 ? "" : "%,d elsewhere, not looked at".formatted(survey.remote());
        String both = local + (local.isEmpty() || remote.isEmpty() ? "" : ", ") + remote;
        table.row(name, both.isEmpty() ? "as their store lists them at the start" : both);
        survey.listed().forEach(location -> table.more(location + ": listed at the start"));
    }

    private void lanes(Table table, ShardSurvey shards) {
        LaneShares shares = shares();
        int batch = config.system().batchSize();
        table.row("lanes", "%,d, each of %,d examples a step".formatted(lanes(), batch));
        String most = shares.rounds() == 1 ? "1 lane" : shares.rounds() + " lanes, one after the other";
        table.more(
                shares.workers() == 1
                        ? "1 worker computes " + most
                        : "%d workers compute %s each"
                                .formatted(
                                        shares.workers(),
                                        shares.least() == shares.rounds() ? most : shares.least() + " or " + most));
        if (nodes > shares.workers()) {
            table.more("%d more wait as spares".formatted(nodes - shares.workers()));
        }
        if (shares.workers() > 1) {
            table.more(loss(shares, batch));
        }
        if (shards.listed().isEmpty() && shards.count() < lanes()) {
            int split = (lanes() + shards.count() - 1) / shards.count();
            table.more("fewer shards than lanes: %d lanes read each shard; make at least as many shards as lanes"
                    .formatted(split));
        }
    }

    private static String loss(LaneShares shares, int batch) {
        if (shares.roundsWithoutOne() == shares.rounds()) {
            return "without one of them a step takes no longer";
        }
        String loss = "without one of them a step takes %d rounds in place of %d, as long as with %d workers"
                .formatted(shares.roundsWithoutOne(), shares.rounds(), shares.asSlowAs());
        if (!shares.isLossDear()) {
            return loss;
        }
        int cheaper = shares.cheaper(batch);
        return loss
                + (cheaper == 0
                        ? "; more lanes of a smaller batch each make a loss cheaper"
                        : "; system.lanes=%d system.batch_size=%d, as many examples, make a loss cheaper"
                                .formatted(cheaper, batch / (cheaper / shares.lanes())));
    }

    private void steps(Table table, ShardSurvey shards) {
        long all = config.experiment().numExamplesToSee();
        table.row(
                "examples per step",
                "%,d".formatted((long) lanes() * config.system().batchSize()));
        table.row("steps", "%,d, which see %,d examples".formatted(config.totalSteps(lanes()), all));
        String filters = config.dataset().params().filters().isEmpty() ? "" : ", before filters";
        shards.examples()
                .ifPresent(examples -> table.row(
                        "epochs",
                        String.format(
                                Locale.ROOT, "%.2f of %,d examples%s", (double) all / examples, examples, filters)));
    }

    private void checkpoints(Table table, Optional<StepForecast> forecast) {
        Integer keep = config.experiment().keepCheckpoints();
        table.row(
                "checkpoints",
                "%,d%s, %s"
                        .formatted(
                                config.checkpoints(lanes()),
                                forecast.map(step -> " of " + gigabytes(step.disk()))
                                        .orElse(""),
                                keep == null ? "all kept" : "the newest " + keep + " kept"));
    }

    private void models(Table table, PipelineDraft draft) {
        Component trained = StepForecast.trained(config);
        NAMES.keySet().stream().sorted().forEach(component -> {
            if (draft.modules().containsKey(component)) {
                table.row(
                        NAMES.get(component),
                        "%,d parameters, %s"
                                .formatted(
                                        draft.modules().get(component).parameterCount(),
                                        component == trained ? "trained" : "frozen"));
            }
        });
        draft.missing().forEach((pretrained, keys) -> {
            table.row("missing", pretrained + " (" + String.join(", ", keys) + "): not on this machine:");
            table.more("run `rekindle download model=%s out=DIR` and set the keys to DIR; its numbers are left out here"
                    .formatted(pretrained.matches("[\\w.-]+/[\\w.-]+") ? pretrained : "ORG/NAME"));
        });
    }

    private static void flops(Table table, StepForecast step) {
        StepFlops flops = step.flops();
        table.row(
                "FLOPs per example",
                String.format(
                        Locale.ROOT,
                        "%.3g T: %.3g T forward x %d (backward 2%s) and %.3g T of frozen encoders%s",
                        flops.perExample() / 1e12,
                        2e-12 * flops.trainedMacs(),
                        flops.passes(),
                        flops.checkpointing() ? ", recomputed 1" : "",
                        2e-12 * flops.frozenMacs(),
                        step.uncounted().isEmpty()
                                ? ""
                                : ", without "
                                        + step.uncounted().stream()
                                                .map(NAMES::get)
                                                .collect(Collectors.joining(" and "))));
    }

    private void memory(Table table, StepForecast step) {
        StepFlops flops = step.flops();
        table.row(
                "FLOPs per step",
                String.format(
                        Locale.ROOT,
                        "%.4g",
                        flops.perExample() * lanes() * config.system().batchSize()));
        StepMemory memory = step.memory();
        boolean checkpointing = flops.checkpointing();
        table.row("memory per worker", "bytes; what CUDA takes for itself comes on top");
        table.row("  weights", bytes(memory.weights()));
        table.row("  gradients", bytes(memory.gradients()));
        table.row("  moments", bytes(memory.moments()));
        table.row("  averages", bytes(memory.averages()));
        table.row("  frozen models", bytes(memory.frozen()));
        table.row(
                "  activations",
                bytes(memory.activations())
                        + " (an estimate"
                        + step.activationsOtherwise()
                                .map(otherwise -> "; %s model.gradient_checkpointing %s"
                                        .formatted(checkpointing ? "without" : "with", gigabytes(otherwise)))
                                .orElse("")
                        + ")");
        table.row("  together", bytes(memory.total()) + " = " + gigabytes(memory.total()));
    }

    private static String bytes(long bytes) {
        return String.format(Locale.ROOT, "%,17d", bytes);
    }

    private static String gigabytes(long bytes) {
        return String.format(Locale.ROOT, "%.3g GB", bytes / 1e9);
    }
}
