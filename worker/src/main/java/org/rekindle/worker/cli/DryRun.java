package org.rekindle.worker.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
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
import org.rekindle.worker.torchscript.ScriptModule;
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
            pictures(table, draft);
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
        List<String> parts = new ArrayList<>();
        if (survey.local() > 0) {
            parts.add(Table.text("%,d %s", survey.local(), where));
        }
        if (survey.remote() > 0) {
            parts.add(Table.text("%,d elsewhere, not looked at", survey.remote()));
        }
        survey.listed().forEach(location -> parts.add(location + ", to be listed at the start"));
        table.row(name, "%s", String.join("; ", parts));
    }

    private void lanes(Table table, ShardSurvey shards) {
        LaneShares shares = shares();
        int batch = batch();
        table.row("lanes", "%,d, each of %,d examples a step", lanes(), batch);
        String turns = shares.rounds() == 1 ? "" : ", one after the other";
        if (shares.workers() == 1) {
            table.more("1 worker computes all of them%s", turns);
        } else {
            String each = shares.least() == shares.rounds() ? "" : shares.least() + " or ";
            table.more("%,d workers compute %s%d each%s", shares.workers(), each, shares.rounds(), turns);
            loss(table, shares, batch);
        }
        if (nodes > shares.workers()) {
            table.more("%,d more wait as spares", nodes - shares.workers());
        }
        if (shards.listed().isEmpty() && shards.count() < lanes()) {
            int split = (lanes() + shards.count() - 1) / shards.count();
            table.more("fewer shards than lanes: %d lanes read each of them; make as many shards as lanes", split);
        }
    }

    private static void loss(Table table, LaneShares shares, int batch) {
        int after = shares.roundsWithoutOne();
        if (after == shares.rounds()) {
            table.more("without one of them a step takes no longer");
            return;
        }
        table.more(
                "without one of them a step takes %d rounds in place of %d, as long as with %d workers",
                after, shares.rounds(), shares.asSlowAs());
        int cheaper = shares.cheaper(batch);
        if (!shares.isLossDear()) {
            return;
        } else if (cheaper == 0) {
            table.more("more lanes, of a smaller batch each, make a loss cheaper");
        } else {
            int smaller = batch / (cheaper / shares.lanes());
            table.more(
                    "system.lanes=%d system.batch_size=%d make a loss cheaper, of as many examples", cheaper, smaller);
        }
    }

    private int batch() {
        return config.system().batchSize();
    }

    private void steps(Table table, ShardSurvey shards) {
        long all = config.experiment().numExamplesToSee();
        table.row("examples per step", "%,d", (long) lanes() * batch());
        table.row("steps", "%,d, which see %,d examples", config.totalSteps(lanes()), all);
        String filters = config.dataset().params().filters().isEmpty() ? "" : ", before filters";
        shards.examples()
                .ifPresent(examples ->
                        table.row("epochs", "%.2f of %,d examples%s", (double) all / examples, examples, filters));
    }

    private void checkpoints(Table table, Optional<StepForecast> forecast) {
        Integer keep = config.experiment().keepCheckpoints();
        table.row(
                "checkpoints",
                "%,d%s, %s",
                config.checkpoints(lanes()),
                forecast.map(step -> " of " + Table.metric(step.disk(), "B")).orElse(""),
                keep == null ? "all kept" : "the newest " + keep + " kept");
    }

    private void models(Table table, PipelineDraft draft) {
        Component trained = StepForecast.trained(config);
        draft.modules()
                .forEach((component, module) -> table.row(
                        NAMES.get(component),
                        "%,d parameters, %s",
                        module.parameterCount(),
                        component == trained ? "trained" : "frozen"));
        draft.missing().forEach((pretrained, keys) -> {
            boolean isHubName = pretrained.matches("[\\w.-]+/[\\w.-]+");
            table.row("missing", "%s: not on this machine (%s)", pretrained, String.join(", ", keys));
            table.more(
                    "%s`rekindle download model=%s out=DIR` and set the keys to DIR; left out of the numbers here",
                    isHubName ? "run " : "name the folder that holds it, or run ", isHubName ? pretrained : "ORG/NAME");
        });
    }

    private void flops(Table table, StepForecast step) {
        StepFlops flops = step.flops();
        String recomputed = flops.checkpointing() ? ", recomputed 1" : "";
        String frozen = flops.frozenMacs() == 0
                ? ""
                : ", " + Table.metric(2.0 * flops.frozenMacs(), "FLOP") + " of frozen encoders";
        table.row(
                "FLOPs per example",
                "%s: %d x %s forward (backward 2%s)%s",
                Table.metric(flops.perExample(), "FLOP"),
                flops.passes(),
                Table.metric(2.0 * flops.trainedMacs(), "FLOP"),
                recomputed,
                frozen);
        step.uncounted().forEach(component -> table.more("without the %s, which is missing", NAMES.get(component)));
        table.row("FLOPs per step", "%s", Table.metric(flops.perExample() * lanes() * batch(), "FLOP"));
    }

    private static void memory(Table table, StepForecast step) {
        StepMemory memory = step.memory();
        String otherwise = step.activationsOtherwise()
                .map(bytes -> Table.text(
                        "; %s model.gradient_checkpointing %s",
                        step.flops().checkpointing() ? "without" : "with", Table.metric(bytes, "B")))
                .orElse("");
        table.row("memory per worker", "%17s; what CUDA takes for itself comes on top", "bytes");
        table.row("  weights", "%,17d", memory.weights());
        table.row("  gradients", "%,17d", memory.gradients());
        table.row("  moments", "%,17d", memory.moments());
        table.row("  averages", "%,17d", memory.averages());
        table.row("  frozen models", "%,17d", memory.frozen());
        table.row("  activations", "%,17d (an estimate%s)", memory.activations(), otherwise);
        table.row("  together", "%,17d = %s", memory.total(), Table.metric(memory.total(), "B"));
    }

    /** {@link SamplePictures} loads a checkpoint's pipeline beside the training, as fp32. */
    private static void pictures(Table table, PipelineDraft draft) {
        long parameters = draft.modules().values().stream()
                .mapToLong(ScriptModule::parameterCount)
                .sum();
        table.row(
                "  and for a while",
                "%,17d of weights, where the pictures of a checkpoint are drawn",
                Float.BYTES * parameters);
    }
}
