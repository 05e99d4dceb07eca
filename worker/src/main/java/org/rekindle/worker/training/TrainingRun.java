package org.rekindle.worker.training;

import com.typesafe.config.ConfigFactory;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.LongToDoubleFunction;
import java.util.function.Supplier;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.rekindle.coordinator.checkpoints.RunFolder;
import org.rekindle.coordinator.checkpoints.TrainerState;
import org.rekindle.coordinator.config.RunConfig;
import org.rekindle.coordinator.ledger.Ledger;
import org.rekindle.coordinator.monitoring.StepListener;
import org.rekindle.coordinator.protocol.CoordinatorCommand;
import org.rekindle.coordinator.protocol.Outcome;
import org.rekindle.coordinator.steps.Coordinator;
import org.rekindle.coordinator.steps.RunPlan;
import org.rekindle.data.DatasetConfig;
import org.rekindle.data.UserException;
import org.rekindle.data.formats.DataSet;
import org.rekindle.data.lanes.DecodeThreads;
import org.rekindle.data.lanes.LaneBatch;
import org.rekindle.data.lanes.LaneCursor;
import org.rekindle.data.lanes.LaneFeed;
import org.rekindle.data.lanes.LanePlan;
import org.rekindle.data.lanes.StageCounts;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One node's part in a run, from the first step to the last or to the drain: an actor system that forms the cluster, the coordinator
 * as its singleton, and this node's worker.
 *
 * @param config the run's configuration
 * @param folder the run folder, open and locked; the caller closes it afterwards
 * @param start where the run stands: a checkpoint's state, or {@link #fresh} for a new run
 * @param dataSet what it reads
 * @param session makes the training session; called once, on the training thread, which also closes the session
 * @param learningRate learning rate by optimizer step, for the metrics
 * @param listeners watch the run; closed when it ends
 */
public record TrainingRun(
        RunConfig config,
        RunFolder folder,
        TrainerState start,
        DataSet dataSet,
        Supplier<TrainingSession> session,
        LongToDoubleFunction learningRate,
        List<StepListener> listeners) {

    private static final Logger LOG = LoggerFactory.getLogger(TrainingRun.class);
    private static final String CHECKPOINT_DISPATCHER = "rekindle.checkpoint-dispatcher";
    private static final Duration SHUTDOWN = Duration.ofSeconds(15);

    /** The state of a run that has not taken a step. */
    public static TrainerState fresh(RunConfig config, int lanes) {
        Map<Integer, LaneCursor> cursors = new HashMap<>();
        for (int lane = 0; lane < lanes; lane++) {
            cursors.put(lane, LaneCursor.START);
        }
        return states(config, lanes).at(0, cursors, null);
    }

    /**
     * Runs until the last step is in a checkpoint, until SIGINT, SIGTERM or SIGUSR1 has drained the run, or until it fails. Blocks the
     * calling thread; never throws for what the outcome can tell. The ledger is cut back to {@code start} first.
     */
    public Outcome run() {
        DatasetConfig.Params params = config.dataset().params();
        Integer ofSystem = config.system().workers();
        int workers = ofSystem == null ? params.workers() : ofSystem;
        ExecutorService decoders = DecodeThreads.start(workers);
        try {
            LanePlan plan = new LanePlan(config.system().seed(), start.lanes(), dataSet.shards());
            return run(system -> new StreamedLanes(system, dataSet, plan, decoders, workers));
        } finally {
            decoders.shutdown();
        }
    }

    private record StreamedLanes(
            ActorSystem<?> system, DataSet dataSet, LanePlan plan, ExecutorService decoders, int decodeThreads)
            implements WorkerLanes.Feeds {

        @Override
        public WorkerLanes.Feed open(int lane, LaneCursor from) {
            return new StreamedLane(LaneFeed.open(system, dataSet, plan, lane, from, decoders));
        }
    }

    private record StreamedLane(LaneFeed stream) implements WorkerLanes.Feed {

        @Override
        public LaneBatch next() {
            return stream.next();
        }

        @Override
        public StageCounts counts() {
            return stream.counts();
        }

        @Override
        public void close() {
            stream.close();
        }
    }

    /** Where the batches of a worker's lanes come from, given the actor system. */
    interface FeedSource {
        WorkerLanes.Feeds in(ActorSystem<?> system);
    }

    @SuppressWarnings("try") // the log is only held open
    Outcome run(FeedSource feeds) {
        try (RunLog log = new RunLog(folder.logs())) {
            try (Ledger ledger = Ledger.open(folder.ledgerFile())) {
                ledger.truncate(start.step());
            }
            listeners.forEach(
                    listener -> listener.started(start.step(), config.totalSteps(start.lanes()), start.examplesSeen()));
            return runCluster(feeds);
        } catch (UserException e) {
            return Outcome.failed(e.getMessage());
        } catch (RuntimeException e) {
            LOG.error("the run failed", e);
            return Outcome.failed("the run failed: " + e + "; the log has more");
        } finally {
            listeners.forEach(TrainingRun::close);
        }
    }

    @SuppressWarnings("try") // the signals are only held
    private Outcome runCluster(FeedSource feeds) {
        CompletableFuture<Outcome> ended = new CompletableFuture<>();
        ActorSystem<TrainingNode.Command> system = ActorSystem.create(
                TrainingNode.create(
                        coordinator(), (on, coordinator, owner) -> worker(on, feeds, coordinator, owner), ended),
                "rekindle",
                ConfigFactory.parseString("pekko.actor.provider = cluster").withFallback(ConfigFactory.load()));
        system.getWhenTerminated()
                .thenRun(() -> ended.complete(Outcome.failed("this node left the cluster; the log has more")));
        try (DrainSignals signals = new DrainSignals(name -> system.tell(new TrainingNode.Drain(name)))) {
            return ended.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return Outcome.failed("interrupted");
        } catch (ExecutionException e) {
            throw new IllegalStateException(e.getCause());
        } finally {
            terminate(system);
        }
    }

    private Behavior<CoordinatorCommand> coordinator() {
        int batchSize = config.system().batchSize();
        return Coordinator.create(
                new RunPlan(
                        start.lanes(),
                        config.totalSteps(start.lanes()),
                        config.experiment().saveEvery(),
                        1),
                start.step(),
                start.cursors(),
                () -> Ledger.open(folder.ledgerFile()),
                new Coordinator.Reporting(batchSize, learningRate, listeners));
    }

    private Behavior<WorkerActor.Command> worker(
            ActorSystem<?> system,
            FeedSource feeds,
            ActorRef<CoordinatorCommand> coordinator,
            ActorRef<Outcome> owner) {
        Executor files = system.dispatchers().lookup(DispatcherSelector.fromConfig(CHECKPOINT_DISPATCHER));
        CheckpointWriter checkpoints = new CheckpointWriter(folder.checkpoints(), listeners, files);
        WorkerLanes lanes = new WorkerLanes(feeds.in(system));
        return WorkerActor.create(
                coordinator,
                start.step(),
                lanes,
                worker -> TrainingThread.create(worker, session, lanes, checkpoints, states(config, start.lanes())),
                owner);
    }

    private static TrainerStates states(RunConfig config, int lanes) {
        return new TrainerStates(
                lanes, config.system().batchSize(), config.system().seed(), config.configurationHash());
    }

    /** Leaves the cluster and waits for that, within bounds: a thread stuck in native code must not keep the process. */
    private static void terminate(ActorSystem<?> system) {
        system.terminate();
        try {
            system.getWhenTerminated().toCompletableFuture().get(SHUTDOWN.toSeconds(), TimeUnit.SECONDS);
        } catch (TimeoutException e) {
            LOG.warn("the actor system did not end within {} s", SHUTDOWN.toSeconds());
        } catch (ExecutionException e) {
            LOG.warn("the actor system ended badly", e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void close(StepListener listener) {
        try {
            listener.close();
        } catch (Exception e) {
            LOG.warn("a listener did not close", e);
        }
    }
}
