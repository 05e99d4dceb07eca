package org.rekindle.worker.training;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.function.Function;
import java.util.function.IntFunction;
import java.util.function.LongToDoubleFunction;
import java.util.function.Supplier;
import org.apache.pekko.actor.typed.Behavior;
import org.rekindle.coordinator.checkpoints.Checkpoint;
import org.rekindle.coordinator.checkpoints.Checkpoints;
import org.rekindle.coordinator.checkpoints.RunFolder;
import org.rekindle.coordinator.checkpoints.TrainerState;
import org.rekindle.coordinator.config.RunConfig;
import org.rekindle.coordinator.ledger.Ledger;
import org.rekindle.coordinator.ledger.LedgerTail;
import org.rekindle.coordinator.membership.NodePlace;
import org.rekindle.coordinator.monitoring.GoodputFile;
import org.rekindle.coordinator.monitoring.StepListener;
import org.rekindle.coordinator.protocol.CoordinatorCommand;
import org.rekindle.coordinator.protocol.EnterAnswer;
import org.rekindle.coordinator.protocol.Outcome;
import org.rekindle.coordinator.steps.Coordinator;
import org.rekindle.coordinator.steps.CoordinatorTakeover;
import org.rekindle.coordinator.steps.Lead;
import org.rekindle.coordinator.steps.RunPlan;
import org.rekindle.coordinator.steps.RunStart;
import org.rekindle.data.UserException;
import org.rekindle.data.formats.DataSet;
import org.rekindle.data.lanes.DecodeThreads;
import org.rekindle.data.lanes.LaneCursor;
import org.rekindle.data.lanes.LanePlan;
import org.rekindle.worker.collectives.Backend;
import org.rekindle.worker.torchscript.Torch;
import org.rekindle.worker.trust.NodeCredentials;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One node's part in a run, from its first step there to its last: an actor system in the run's cluster, this node's worker, and the
 * coordinator when it is here. The run folder, or its bucket, and the data lie where all nodes have them.
 *
 * @param place this node's
 * @param session makes the training session of a checkpoint; called on the training thread, which also closes the session
 * @param learningRate gives the learning rate by optimizer step of a run of so many lanes, for the metrics
 * @param watchers watch the run from the node that leads it; made when that is this one, closed when it no longer is
 * @param savers hear of the checkpoints that this node's worker writes
 */
public record TrainingRun(
        RunConfig config,
        NodePlace place,
        Function<Checkpoint, TrainingSession> session,
        IntFunction<LongToDoubleFunction> learningRate,
        Supplier<List<StepListener>> watchers,
        List<StepListener> savers) {

    private static final Logger LOG = LoggerFactory.getLogger(TrainingRun.class);

    /**
     * How long a node asks to be let in: node 0 may still be making the data set, or the coordinator on its way; torchrun's rendezvous
     * has this limit, too.
     */
    public static final Duration PATIENCE = Duration.ofMinutes(10);

    /** How long a node that takes over waits for the one that led to let go of the run folder. */
    private static final Duration TAKE_OVER = Duration.ofSeconds(30);

    /** The state of a run that has not taken a step. */
    public static TrainerState fresh(RunConfig config, int lanes) {
        Map<Integer, LaneCursor> cursors = new HashMap<>();
        for (int lane = 0; lane < lanes; lane++) {
            cursors.put(lane, LaneCursor.START);
        }
        return states(config, lanes).at(0, cursors, null);
    }

    /**
     * Leads the run until the last step is in a checkpoint, until it is drained or left to others, or until it fails. Blocks the calling
     * thread; never throws for what the outcome can tell.
     *
     * @param folder the run folder, open and locked; closed when another node takes over
     * @param from where the run stands; the ledger is cut back to it first
     */
    public Outcome lead(RunFolder folder, Checkpoint from, DataSet dataSet) {
        return withDecoders(feeds(() -> dataSet), feeds -> lead(folder, from, feeds));
    }

    /**
     * Takes part in a run that another node leads, until it ends or is left. Blocks the calling thread.
     *
     * @throws HalfJoinedException when this node has to join again
     */
    public Outcome follow() {
        return withDecoders(feeds(() -> DataSet.open(config.dataset())), this::follow);
    }

    Outcome lead(RunFolder folder, Checkpoint from, FeedSource feeds) {
        return guarded(() -> {
            RunStart start = start(folder, from);
            Lead lead = lead(folder, from.state().lanes());
            return node().run(Coordinator.create(lead, start), welcome -> worker(welcome, feeds));
        });
    }

    private Outcome follow(FeedSource feeds) {
        return guarded(() -> node().run(takeover(), welcome -> worker(welcome, feeds)));
    }

    /** Becomes the coordinator when those who led are gone. */
    private Behavior<CoordinatorCommand> takeover() {
        return CoordinatorTakeover.create(() -> {
            RunFolder folder = RunFolder.takeOver(config, TAKE_OVER);
            if (folder.hasEnded()) {
                folder.close();
                throw new UserException("the run ended before this worker had a part in it; start it again to go on");
            }
            return lead(folder, folder.checkpoints().newestIntact().lanes());
        });
    }

    private ClusterNode node() {
        return new ClusterNode(
                place,
                identity(),
                NodeCredentials.of(config.distributed().tls()),
                config.monitoring(),
                line -> savers.forEach(listener -> listener.message(line)));
    }

    private Lead lead(RunFolder folder, int lanes) {
        return new Lead(
                place.rank(),
                plan(lanes),
                identity(),
                folder::ledger,
                folder.checkpoints(),
                new Lead.Reporting(
                        config.system().batchSize(),
                        learningRate.apply(lanes),
                        GoodputFile.saveSeconds(config.experiment().goodputFile()),
                        watchers.get()),
                nodes(folder),
                folder::close);
    }

    private Backend backend() {
        return Backend.of(config.distributed().distBackend(), Torch.build());
    }

    /** What all nodes must have alike: workers that sum by different means would wait for each other for ever. */
    Map<String, String> identity() {
        Map<String, String> identity = new TreeMap<>(config.identity());
        identity.put("distributed.dist_backend", backend().name().toLowerCase(Locale.ROOT));
        return identity;
    }

    private Lead.Nodes nodes(RunFolder folder) {
        return new Lead.Nodes() {
            @Override
            public void keep(List<String> addresses) {
                folder.keepNodes(addresses);
            }

            @Override
            public List<String> living() {
                return RunFolder.livingNodes(config);
            }
        };
    }

    private RunPlan plan(int lanes) {
        int min = config.system().minWorkers();
        Integer max = config.system().maxWorkers();
        return new RunPlan(
                lanes,
                config.totalSteps(lanes),
                config.experiment().saveEvery(),
                new RunPlan.Workers(
                        place.isElastic() ? min : Math.min(place.nodes(), Math.min(lanes, max == null ? lanes : max)),
                        min,
                        max == null ? Integer.MAX_VALUE : max),
                config.system().maxSkippedSteps(),
                config.distributed().shardOptimizer());
    }

    private static RunStart start(RunFolder folder, Checkpoint from) {
        Ledger ledger = folder.ledger();
        ledger.truncate(from.step());
        LedgerTail tail = ledger.tail();
        long generation = Math.max(tail.generation(), folder.checkpoints().fence());
        return new RunStart(from.step(), tail.cursors(from.step(), from.state().cursors()), generation, from.step());
    }

    private NodeWorker worker(EnterAnswer.Welcome welcome, FeedSource feeds) {
        Checkpoints checkpoints = RunFolder.checkpoints(config);
        Checkpoint start = checkpoints.readOrNewest(welcome.checkpoint());
        return new NodeWorker(
                config,
                place,
                checkpoints,
                start.state(),
                backend(),
                () -> OpenedSession.of(checkpoints, start, session),
                savers,
                feeds);
    }

    @SuppressWarnings("try") // the log is only held open
    private Outcome guarded(Supplier<Outcome> part) {
        try (RunLog log = new RunLog(config.experiment().folder().resolve("logs"), place.rank())) {
            return part.get();
        } catch (HalfJoinedException e) {
            throw e;
        } catch (UserException e) {
            return Outcome.failed(e.getMessage());
        } catch (RuntimeException e) {
            LOG.error("the run failed", e);
            return Outcome.failed("the run failed: " + e + "; the log has more");
        }
    }

    private interface Decoded {
        FeedSource by(ExecutorService decoders, int workers);
    }

    /** @param dataSet asked for when this node takes part: the one that leads may have to make it first */
    private Decoded feeds(Supplier<DataSet> dataSet) {
        return (decoders, workers) -> (system, lanes) -> {
            DataSet opened = dataSet.get();
            LanePlan plan = new LanePlan(config.system().seed(), lanes, opened.shards());
            return new StreamedLanes(system, opened, plan, decoders, workers);
        };
    }

    private Outcome withDecoders(Decoded feeds, Function<FeedSource, Outcome> part) {
        Integer ofSystem = config.system().workers();
        int workers = ofSystem == null ? config.dataset().params().workers() : ofSystem;
        ExecutorService decoders = DecodeThreads.start(workers);
        try {
            return part.apply(feeds.by(decoders, workers));
        } finally {
            decoders.shutdown();
        }
    }

    static TrainerStates states(RunConfig config, int lanes) {
        return new TrainerStates(
                lanes, config.system().batchSize(), config.system().seed(), config.configurationHash());
    }
}
