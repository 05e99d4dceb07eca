package org.rekindle.worker.cli;

import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import org.rekindle.coordinator.checkpoints.Checkpoint;
import org.rekindle.coordinator.checkpoints.RunBucket;
import org.rekindle.coordinator.checkpoints.RunFolder;
import org.rekindle.coordinator.checkpoints.RunInUseException;
import org.rekindle.coordinator.config.ConfigReader;
import org.rekindle.coordinator.config.ConfigYaml;
import org.rekindle.coordinator.config.RunConfig;
import org.rekindle.coordinator.membership.NodePlace;
import org.rekindle.coordinator.monitoring.ConsoleProgress;
import org.rekindle.coordinator.monitoring.GoodputFile;
import org.rekindle.coordinator.monitoring.MetricsFile;
import org.rekindle.coordinator.monitoring.RunUploads;
import org.rekindle.coordinator.monitoring.StepListener;
import org.rekindle.coordinator.protocol.Outcome;
import org.rekindle.data.UserException;
import org.rekindle.data.formats.DataSet;
import org.rekindle.worker.chaos.NotANumber;
import org.rekindle.worker.launch.Requeue;
import org.rekindle.worker.launch.WorkerProcess;
import org.rekindle.worker.pipeline.PipelineInit;
import org.rekindle.worker.torchscript.CudaDriver;
import org.rekindle.worker.torchscript.Torch;
import org.rekindle.worker.training.DrainSignals;
import org.rekindle.worker.training.HalfJoinedException;
import org.rekindle.worker.training.LrSchedule;
import org.rekindle.worker.training.ModelSession;
import org.rekindle.worker.training.RequiredDevice;
import org.rekindle.worker.training.TrainingRun;
import org.rekindle.worker.trust.NodeCredentials;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code rekindle train}. */
@Command(name = "train", description = "Trains a model and goes on where it stopped: train config=FILE [key=value...]")
final class TrainCommand implements Callable<Integer> {

    private static final Duration ASK_EVERY = Duration.ofSeconds(1);

    @Option(
            names = "--dry-run",
            description = "check the configuration, print it resolved and what the run would take; start nothing")
    private boolean dryRun;

    @Option(names = "--workers", description = "workers that --dry-run reckons with (default: WORLD_SIZE, or 1)")
    private Integer workers;

    @Mixin
    private KeyValues keyValues;

    @Override
    public Integer call() throws InterruptedException {
        if (workers != null && (!dryRun || workers < 1)) {
            throw new UserException("train: --workers " + workers
                    + (dryRun ? ", allowed is at least 1" : " is for --dry-run; a run counts them by WORLD_SIZE"));
        }
        WorkerProcess.endWithLauncher();
        RunConfig config = ConfigReader.read(keyValues.list());
        NodeCredentials.of(config.distributed().tls()); // what is wrong with them shows before anything long
        if (workers != null) {
            return tell(config, workers);
        }
        NodePlace place = NodePlace.of(System.getenv());
        if (place.isElastic() && config.experiment().isInBucket()) {
            throw new UserException("experiment.log_dir: a bucket has no lock by which nodes could agree on who begins;"
                    + " set MASTER_ADDR and MASTER_PORT, as torchrun does");
        }
        if (dryRun) {
            return tell(config, place.nodes());
        }
        RequiredDevice.check(config, place.nodes());
        RequiredDevice.told(Torch.build(), CudaDriver.gpus(), System.getenv()).ifPresent(System.out::println);
        while (true) {
            try {
                return take(config, place, Instant.now().plus(TrainingRun.PATIENCE));
            } catch (HalfJoinedException e) {
                System.out.println(e.getMessage());
            }
        }
    }

    /** Prints what the run is told and what follows; only then, so that a mistake is one line and nothing else. */
    private static int tell(RunConfig config, int nodes) {
        List<String> lines = DryRun.of(config, nodes).lines();
        System.out.println(ConfigYaml.of(config));
        config.notices().forEach(System.out::println);
        lines.forEach(System.out::println);
        return 0;
    }

    private static int take(RunConfig config, NodePlace place, Instant patience) throws InterruptedException {
        List<String> others = place.nodes() == 1 ? List.of() : RunFolder.livingNodes(config);
        if (!others.isEmpty()) {
            return follow(config, place.joining(others));
        } else if (place.rank() > 0 && !place.isElastic()) {
            return follow(config, place);
        }
        try {
            return lead(config, place);
        } catch (RunInUseException e) {
            if (!place.isElastic() || Instant.now().isAfter(patience)) {
                throw e;
            }
        }
        Thread.sleep(ASK_EVERY.toMillis()); // somebody prepares the run, and is soon to be found in its folder
        return take(config, place, patience);
    }

    private static int lead(RunConfig config, NodePlace place) throws InterruptedException {
        try (RunFolder folder = RunFolder.open(config)) {
            config.notices().forEach(System.out::println);
            DataSet dataSet = RunShards.prepare(config.dataset(), System.out::println);
            if (config.validation().isOn()) {
                DataSet.open(
                        config.dataset(), "validation.path", config.validation().path());
            }
            Torch.init(config.system().threads());
            Checkpoint start = folder.startingPoint(System.out::println)
                    .orElseGet(() -> Torch.inThreadOfItsOwn(() -> firstCheckpoint(config, folder, place.nodes())));
            new Resumption(config, start).check(System.out::println);
            folder.keep(config);
            return train(config, place, SamplePictures.of(config, dataSet), run -> run.lead(folder, start, dataSet));
        }
    }

    /** A new run begins with a checkpoint of step 0: from then on every start is a resume. */
    private static Checkpoint firstCheckpoint(RunConfig config, RunFolder folder, int nodes) {
        System.out.println("initialising the pipeline");
        return folder.checkpoints()
                .commit(
                        TrainingRun.fresh(config, config.lanes(nodes)),
                        folder.generation(),
                        path -> PipelineInit.init(
                                config.model(),
                                config.dataset(),
                                config.system().seed(),
                                path.resolve("pipeline")));
    }

    /** Takes part in a run that another node leads. */
    private static int follow(RunConfig config, NodePlace place) throws InterruptedException {
        Torch.init(config.system().threads());
        System.out.println(
                "worker " + place.rank() + " of " + place.nodes() + ", joining " + String.join(" or ", place.seeds()));
        return train(config, place, SamplePictures.later(config), TrainingRun::follow);
    }

    /** SLURM may end this process as soon as it is asked for anything: no signal of its cuts that short. */
    @SuppressWarnings("try") // the signals are only held
    private static int end(Requeue requeue, Outcome outcome, boolean led) {
        try (DrainSignals held = new DrainSignals(false, ignored -> {}, ignored -> {})) {
            if (outcome.kind() == Outcome.Kind.FAILED) {
                throw new UserException(outcome.line());
            }
            System.out.println(outcome.line());
            int code = requeue.after(outcome, led);
            if (led) {
                requeue.tell(code);
            }
            return code;
        } catch (UserException e) {
            if (led) {
                requeue.tell(CommandLine.ExitCode.SOFTWARE);
            }
            throw e;
        }
    }

    private static int train(
            RunConfig config, NodePlace place, SamplePictures samples, Function<TrainingRun, Outcome> part)
            throws InterruptedException {
        ConsoleProgress console = console();
        AtomicBoolean leads = new AtomicBoolean();
        Optional<RunBucket> bucket = RunBucket.of(config);
        Outcome outcome = part.apply(new TrainingRun(
                config,
                place,
                start -> NotANumber.in(ModelSession.open(config, start, console::message)),
                lanes -> {
                    LrSchedule learningRate = LrSchedule.of(config, lanes);
                    return step -> learningRate.at(step - 1);
                },
                () -> {
                    leads.set(true);
                    return with(bucket, watchers(config, console));
                },
                with(bucket, List.of(console, samples))));
        samples.end(outcome.kind() == Outcome.Kind.COMPLETED);
        Runnable keep = () -> bucket.ifPresent(kept -> {
            kept.uploadLogs();
            if (leads.get()) {
                kept.uploadMetrics();
            }
        });
        boolean hasPeers = place.nodes() > 1 && !place.isElastic();
        try {
            Requeue requeue = new Requeue(config.experiment(), hasPeers, System.getenv(), keep, System.out::println);
            return end(requeue, outcome, leads.get());
        } finally { // the end, too, is in the files
            keep.run();
        }
    }

    private static List<StepListener> with(Optional<RunBucket> bucket, List<StepListener> listeners) {
        List<StepListener> all = new ArrayList<>(listeners);
        bucket.map(RunUploads::new).ifPresent(all::add);
        return all;
    }

    private static List<StepListener> watchers(RunConfig config, ConsoleProgress console) {
        long launched = ManagementFactory.getRuntimeMXBean().getStartTime();
        return List.of(
                MetricsFile.open(config.experiment().folder().resolve("metrics.jsonl"), System.getenv()),
                GoodputFile.open(config.experiment().goodputFile(), System.getenv(), launched),
                console);
    }

    /** The launcher knows whether stdout is a terminal. */
    private static ConsoleProgress console() {
        return ConsoleProgress.create(System.out, Boolean.getBoolean("rekindle.terminal"));
    }
}
