package org.rekindle.worker.training;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.function.LongToDoubleFunction;
import java.util.function.Supplier;
import org.apache.pekko.actor.typed.Behavior;
import org.rekindle.coordinator.checkpoints.Checkpoint;
import org.rekindle.coordinator.checkpoints.RunFolder;
import org.rekindle.coordinator.checkpoints.TrainerState;
import org.rekindle.coordinator.config.RunConfig;
import org.rekindle.coordinator.ledger.Ledger;
import org.rekindle.coordinator.membership.NodePlace;
import org.rekindle.coordinator.monitoring.StepListener;
import org.rekindle.coordinator.protocol.CoordinatorCommand;
import org.rekindle.coordinator.protocol.Outcome;
import org.rekindle.coordinator.steps.Coordinator;
import org.rekindle.coordinator.steps.RunPlan;
import org.rekindle.data.UserException;
import org.rekindle.data.formats.DataSet;
import org.rekindle.data.lanes.DecodeThreads;
import org.rekindle.data.lanes.LaneCursor;
import org.rekindle.data.lanes.LanePlan;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One node's part in a run, from the first step to the last or to the drain: an actor system that forms the cluster, the coordinator
 * as its singleton, and this node's worker.
 *
 * @param config the run's configuration
 * @param place this node's, which is the first
 * @param folder the run folder, open and locked; the caller closes it afterwards
 * @param from where the run stands
 * @param dataSet what it reads
 * @param session makes the training session; called once, on the training thread, which also closes the session
 * @param learningRate learning rate by optimizer step, for the metrics
 * @param listeners watch the run; closed when it ends
 */
public record TrainingRun(
        RunConfig config,
        NodePlace place,
        RunFolder folder,
        Checkpoint from,
        DataSet dataSet,
        Supplier<TrainingSession> session,
        LongToDoubleFunction learningRate,
        List<StepListener> listeners) {

    private static final Logger LOG = LoggerFactory.getLogger(TrainingRun.class);

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
     * calling thread; never throws for what the outcome can tell. The ledger is cut back to {@code from} first.
     */
    public Outcome run() {
        int workers = decodeThreads(config);
        ExecutorService decoders = DecodeThreads.start(workers);
        try {
            LanePlan plan = new LanePlan(config.system().seed(), from.state().lanes(), dataSet.shards());
            return run(system -> new StreamedLanes(system, dataSet, plan, decoders, workers));
        } finally {
            decoders.shutdown();
        }
    }

    static int decodeThreads(RunConfig config) {
        Integer ofSystem = config.system().workers();
        return ofSystem == null ? config.dataset().params().workers() : ofSystem;
    }

    @SuppressWarnings("try") // the log is only held open
    Outcome run(FeedSource feeds) {
        TrainerState start = from.state();
        try (RunLog log = new RunLog(folder.logs(), place.rank())) {
            try (Ledger ledger = Ledger.open(folder.ledgerFile())) {
                ledger.truncate(start.step());
            }
            listeners.forEach(
                    listener -> listener.started(start.step(), config.totalSteps(start.lanes()), start.examplesSeen()));
            NodeWorker worker = new NodeWorker(config, place, folder.checkpoints(), start, session, listeners, feeds);
            return new ClusterNode(place, config.configurationHash()).run(ended -> coordinator(), welcome -> worker);
        } catch (UserException e) {
            return Outcome.failed(e.getMessage());
        } catch (RuntimeException e) {
            LOG.error("the run failed", e);
            return Outcome.failed("the run failed: " + e + "; the log has more");
        } finally {
            listeners.forEach(TrainingRun::close);
        }
    }

    private Behavior<CoordinatorCommand> coordinator() {
        TrainerState start = from.state();
        int batchSize = config.system().batchSize();
        return Coordinator.create(
                new RunPlan(
                        start.lanes(),
                        config.totalSteps(start.lanes()),
                        config.experiment().saveEvery(),
                        Math.min(place.nodes(), start.lanes())),
                start.step(),
                start.cursors(),
                () -> Ledger.open(folder.ledgerFile()),
                new Coordinator.Reporting(batchSize, learningRate, listeners),
                new Coordinator.Entrance(
                        config.configurationHash(),
                        from.folder().toAbsolutePath().toString()));
    }

    static TrainerStates states(RunConfig config, int lanes) {
        return new TrainerStates(
                lanes, config.system().batchSize(), config.system().seed(), config.configurationHash());
    }

    private static void close(StepListener listener) {
        try {
            listener.close();
        } catch (Exception e) {
            LOG.warn("a listener did not close", e);
        }
    }
}
