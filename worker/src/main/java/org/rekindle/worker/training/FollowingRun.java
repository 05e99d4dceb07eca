package org.rekindle.worker.training;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.function.Function;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.rekindle.coordinator.checkpoints.Checkpoint;
import org.rekindle.coordinator.checkpoints.CheckpointFolder;
import org.rekindle.coordinator.config.RunConfig;
import org.rekindle.coordinator.membership.NodePlace;
import org.rekindle.coordinator.protocol.CoordinatorCommand;
import org.rekindle.coordinator.protocol.EnterAnswer;
import org.rekindle.coordinator.protocol.Outcome;
import org.rekindle.data.UserException;
import org.rekindle.data.formats.DataSet;
import org.rekindle.data.lanes.DecodeThreads;
import org.rekindle.data.lanes.LanePlan;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The part in a run of any node but the first: it computes, and learns from node 0 what to start from. The run folder and the data lie where
 * node 0 has them too.
 *
 * @param session makes the training session of a checkpoint
 */
public record FollowingRun(RunConfig config, NodePlace place, Function<Checkpoint, TrainingSession> session) {

    private static final Logger LOG = LoggerFactory.getLogger(FollowingRun.class);

    /** Runs until the run has ended. Blocks the calling thread; never throws for what the outcome can tell. */
    @SuppressWarnings("try") // the log is only held open
    public Outcome run() {
        int workers = TrainingRun.decodeThreads(config);
        ExecutorService decoders = DecodeThreads.start(workers);
        try (RunLog log = new RunLog(config.experiment().folder().resolve("logs"), place.rank())) {
            return new ClusterNode(place, config.configurationHash())
                    .run(FollowingRun::orphan, welcome -> worker(welcome, decoders, workers));
        } catch (UserException e) {
            return Outcome.failed(e.getMessage());
        } catch (RuntimeException e) {
            LOG.error("this node's part in the run failed", e);
            return Outcome.failed("the run failed: " + e + "; the log has more");
        } finally {
            decoders.shutdown();
        }
    }

    private NodeWorker worker(EnterAnswer.Welcome welcome, ExecutorService decoders, int workers) {
        Checkpoint start = CheckpointFolder.read(Path.of(welcome.checkpoint()));
        DataSet dataSet = DataSet.open(config.dataset());
        LanePlan plan = new LanePlan(config.system().seed(), start.state().lanes(), dataSet.shards());
        CheckpointFolder checkpoints = CheckpointFolder.open(
                config.experiment().folder(), config.experiment().keepCheckpoints());
        return new NodeWorker(
                config,
                place,
                checkpoints,
                start.state(),
                () -> session.apply(start),
                List.of(),
                system -> new StreamedLanes(system, dataSet, plan, decoders, workers));
    }

    /** The coordinator moves here only when node 0 is gone, and the run's state with it. */
    private static Behavior<CoordinatorCommand> orphan(CompletableFuture<Outcome> ended) {
        return Behaviors.setup(context -> {
            ended.complete(
                    Outcome.failed(
                            "node 0 was lost, and the coordinator with it; start the run again to go on from its newest checkpoint"));
            return Behaviors.ignore();
        });
    }
}
