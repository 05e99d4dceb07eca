package org.rekindle.worker.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import org.rekindle.coordinator.checkpoints.Checkpoint;
import org.rekindle.coordinator.checkpoints.RunFolder;
import org.rekindle.coordinator.config.GradientCheckpointing;
import org.rekindle.coordinator.config.ObjectiveConfig;
import org.rekindle.coordinator.config.RunConfig;
import org.rekindle.coordinator.membership.LaneShares;
import org.rekindle.data.DatasetConfig;
import org.rekindle.data.formats.ShardSurvey;
import org.rekindle.data.shards.ShardRecipe;
import org.rekindle.worker.diffusion.NoiseSchedule;
import org.rekindle.worker.diffusion.PromptList;
import org.rekindle.worker.models.Hardware;
import org.rekindle.worker.pipeline.Component;
import org.rekindle.worker.pipeline.PipelineDirectory;
import org.rekindle.worker.pipeline.PipelineDraft;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.training.StepForecast;

/**
 * What a run would do, without doing it: checks what a start checks and tells what follows from the configuration. Nothing is made in
 * the run folder, no store is asked and no device is touched.
 *
 * @param nodes workers that are there at the start
 * @param start what the run goes on from; empty where it begins, and where it is kept in a bucket
 */
record DryRun(RunConfig config, int nodes, Optional<Checkpoint> start) {

    private static final Map<Component, String> NAMES =
            Map.of(Component.UNET, "UNet", Component.VAE, "autoencoder", Component.TEXT_ENCODER, "text encoder");

    /**
     * Looks at the run folder.
     *
     * @throws org.rekindle.data.UserException when the run could not start in it
     */
    static DryRun of(RunConfig config, int nodes) {
        boolean isHere = !config.experiment().isInBucket();
        return new DryRun(config, nodes, isHere ? RunFolder.look(config) : Optional.empty());
    }

    /**
     * Returns lines to print.
     *
     * @throws org.rekindle.data.UserException when the run could not start, for another reason than a model that is not on this machine
     */
    List<String> lines() {
        Table table = new Table();
        run(table);
        ShardSurvey shards = shards(table);
        LaneLines lanes = new LaneLines(config.system(), lanes(), nodes);
        lanes.write(table, shards.listed().isEmpty() ? OptionalInt.of(shards.count()) : OptionalInt.empty());
        steps(table, shards);
        PipelineDraft draft = draft();
        if (isDenoising() && draft.schedule() != null) {
            NoiseSchedule.of(draft.schedule()).requireTargets();
        }
        if (isDenoising() && config.experiment().evalCaptionFile() != null) {
            PromptList.read(Path.of(config.experiment().evalCaptionFile()));
        }
        LaneShares shares = lanes.shares();
        Optional<StepForecast> forecast = StepForecast.of(config, draft, shares.workers(), Hardware.GPU);
        checkpoints(table, forecast);
        models(table, draft);
        forecast.map(CostLines::new).ifPresent(costs -> {
            costs.flops(table, perStep(), NAMES);
            costs.memory(table, config.model().gradientCheckpointing() == GradientCheckpointing.AUTO);
            costs.heap(
                    table, shares.rounds(), block(shards), Runtime.getRuntime().maxMemory());
        });
        return table.lines();
    }

    private void run(Table table) {
        if (config.experiment().isInBucket()) {
            table.row(
                    "run", "%s, in a bucket, not looked at", config.experiment().location());
            if (nodes > 1) {
                table.more("its workers need MASTER_ADDR and MASTER_PORT");
            }
        }
        start.ifPresent(checkpoint -> {
            Resumption resumption = new Resumption(config, checkpoint);
            long left = resumption.stepsLeft();
            table.row(
                    "run",
                    "goes on from step %,d, %,d %s left: %s",
                    checkpoint.step(),
                    left,
                    left == 1 ? "step" : "steps",
                    checkpoint.folder());
            resumption.check(table::more);
        });
    }

    private PipelineDraft draft() {
        ComputeType type = StepForecast.computeType(config);
        return start.map(checkpoint -> PipelineDraft.of(
                        PipelineDirectory.open(checkpoint.pipeline()), config.model(), type, required()))
                .orElseGet(() -> PipelineDraft.of(config.model(), config.dataset(), type, required()));
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
        return start.map(checkpoint -> checkpoint.state().lanes()).orElseGet(() -> config.lanes(nodes));
    }

    private long perStep() {
        return (long) lanes() * config.system().batchSize();
    }

    /** Examples of a lane's block: no more than the lane reads in an epoch. */
    private long block(ShardSurvey shards) {
        int buffer = config.dataset().params().shuffleBuffer();
        return shards.examples().isEmpty()
                ? buffer
                : Math.min(buffer, (shards.examples().getAsLong() + lanes() - 1) / lanes());
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

    private void steps(Table table, ShardSurvey shards) {
        long steps = config.totalSteps(lanes());
        long all = steps * perStep();
        table.row("examples per step", "%,d", perStep());
        table.row("steps", "%,d, which see %,d examples", steps, all);
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
                        "%s%,d parameters, %s",
                        component == Component.TEXT_ENCODER && draft.vocabularyIsOpen() ? "at most " : "",
                        module.parameterCount(),
                        component == trained ? "trained" : "frozen"));
        draft.missing().forEach((pretrained, keys) -> {
            boolean mayBeHubName = pretrained.matches("[\\w.-]+/[\\w.-]+");
            table.row("missing", "%s: not on this machine (%s)", pretrained, String.join(", ", keys));
            table.more(
                    "%s `rekindle download model=%s out=DIR` and set the keys to DIR; left out of the numbers here",
                    mayBeHubName
                            ? "correct the path, or, if it is a name on the hub, run"
                            : "name the folder that holds it, or run",
                    mayBeHubName ? pretrained : "ORG/NAME");
        });
    }
}
