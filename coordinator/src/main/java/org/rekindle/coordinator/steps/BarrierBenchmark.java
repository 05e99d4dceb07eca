package org.rekindle.coordinator.steps;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.stream.IntStream;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorRefResolver;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.SpawnProtocol;
import org.apache.pekko.actor.typed.javadsl.AskPattern;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.Join;
import org.apache.pekko.serialization.SerializationExtension;
import org.rekindle.coordinator.checkpoints.CheckpointFolder;
import org.rekindle.coordinator.ledger.Ledger;
import org.rekindle.coordinator.ledger.LedgerEntry;
import org.rekindle.coordinator.protocol.CoordinatorCommand;
import org.rekindle.coordinator.protocol.StepStages;
import org.rekindle.coordinator.protocol.WorkerCommand;
import org.rekindle.coordinator.protocol.WorkerCommand.Assignment;
import org.rekindle.coordinator.protocol.WorkerCommand.Commit;
import org.rekindle.coordinator.protocol.WorkerState;
import org.rekindle.data.UserException;
import org.rekindle.data.lanes.LaneCursor;
import org.rekindle.data.lanes.StageCounts;

/**
 * {@code bench barrier}: what a step costs beside its computation. A real coordinator with its ledger on disk, and workers that compute
 * nothing: they answer each commit with the next ready, over the nodes of a cluster on loopback.
 */
public final class BarrierBenchmark {

    private static final Duration TIMEOUT = Duration.ofSeconds(60);

    /** Messages before anything is measured, as the JVM compiles what runs often. */
    private static final int WARM_UP = 64_000;

    private final int workers;
    private final int warmUp;
    private final int steps;
    private final AtomicLongArray lastReady;
    private final AtomicLongArray lastCommit;
    private final AtomicLong messages = new AtomicLong(); // of the measured steps
    private final CountDownLatch done;

    /**
     * @param medianMillis from the last ready that was sent to the last commit that arrived
     * @param p99Millis the same, of the slowest hundredth
     * @param messagesPerStep that the workers sent and got
     * @param bytesPerStep of these messages, by the size of one of each kind, without the headers of remoting
     */
    public record Result(
            int workers,
            int nodes,
            int steps,
            double medianMillis,
            double p99Millis,
            long messagesPerStep,
            long bytesPerStep) {}

    private BarrierBenchmark(int workers, int measured) {
        this.workers = workers;
        this.warmUp = Math.min(1000, WARM_UP / workers);
        this.steps = warmUp + measured;
        this.lastReady = new AtomicLongArray(steps + 1);
        this.lastCommit = new AtomicLongArray(steps + 1);
        this.done = new CountDownLatch(workers);
    }

    /**
     * @param workers of one lane each
     * @param nodes that they are on, beside that of the coordinator
     * @param steps to measure
     * @param folder for the ledger, empty
     */
    public static Result run(int workers, int nodes, int steps, Path folder) throws InterruptedException {
        return new BarrierBenchmark(workers, steps).measure(nodes, folder);
    }

    private Result measure(int nodes, Path folder) throws InterruptedException {
        List<ActorSystem<SpawnProtocol.Command>> systems = new ArrayList<>();
        try {
            for (int node = 0; node <= nodes; node++) {
                systems.add(ActorSystem.create(SpawnProtocol.create(), "rekindle", settings()));
                Cluster cluster = Cluster.get(systems.get(node));
                cluster.manager()
                        .tell(Join.create(
                                Cluster.get(systems.get(0)).selfMember().address()));
            }
            ActorRef<CoordinatorCommand> coordinator = spawn(
                    systems.get(0),
                    Coordinator.create(lead(folder), RunStart.at(0, cursors())),
                    DispatcherSelector.fromConfig(Coordinator.DISPATCHER));
            String address = ActorRefResolver.get(systems.get(0)).toSerializationFormat(coordinator);
            for (int worker = 0; worker < workers; worker++) {
                ActorSystem<SpawnProtocol.Command> system = systems.get(1 + worker % nodes);
                spawn(system, worker(worker, ActorRefResolver.get(system).resolveActorRef(address)), Props.empty());
            }
            if (!done.await(TIMEOUT.toSeconds() + workers, TimeUnit.SECONDS)) {
                throw new UserException("bench barrier: " + done.getCount() + " of " + workers
                        + " workers did not see the last step; see the log");
            }
            return result(systems.get(0), nodes);
        } finally {
            systems.forEach(ActorSystem::terminate);
        }
    }

    private static Config settings() {
        return ConfigFactory.parseMap(Map.of(
                        "pekko.actor.provider", "cluster",
                        "pekko.loglevel", "WARNING",
                        "pekko.cluster.jmx.enabled", "off",
                        // all nodes share the cores of one machine
                        "pekko.actor.default-dispatcher.fork-join-executor.parallelism-max", 2,
                        "pekko.remote.default-remote-dispatcher.fork-join-executor.parallelism-max", 2,
                        "pekko.remote.artery.canonical.hostname", "127.0.0.1",
                        "pekko.remote.artery.canonical.port", 0))
                .withFallback(ConfigFactory.load());
    }

    private static <T> ActorRef<T> spawn(ActorSystem<SpawnProtocol.Command> system, Behavior<T> behavior, Props props) {
        return AskPattern.<SpawnProtocol.Command, ActorRef<T>>ask(
                        system,
                        replyTo -> new SpawnProtocol.Spawn<>(behavior, "", props, replyTo),
                        TIMEOUT,
                        system.scheduler())
                .toCompletableFuture()
                .join();
    }

    private Lead lead(Path folder) {
        return new Lead(
                0,
                new RunPlan(workers, Long.MAX_VALUE, Long.MAX_VALUE, workers),
                Map.of(),
                () -> Ledger.open(folder.resolve("ledger.jsonl")),
                CheckpointFolder.open(folder, null),
                new Lead.Reporting(1, step -> 0, Double.NaN, List.of()),
                Lead.Nodes.NONE,
                () -> {});
    }

    private Map<Integer, LaneCursor> cursors() {
        Map<Integer, LaneCursor> cursors = new HashMap<>();
        IntStream.range(0, workers).forEach(lane -> cursors.put(lane, LaneCursor.START));
        return cursors;
    }

    /** A worker whose steps take no time. */
    private Behavior<WorkerCommand> worker(int node, ActorRef<CoordinatorCommand> coordinator) {
        return Behaviors.setup(context -> {
            WorkerState state = WorkerState.loaded(0, Map.of());
            coordinator.tell(new CoordinatorCommand.Join(context.getSelf(), node, "", state));
            Assignment[] newest = new Assignment[1];
            return Behaviors.receive(WorkerCommand.class)
                    .onMessage(Assignment.class, assignment -> {
                        newest[0] = assignment;
                        ready(coordinator, assignment, assignment.committed() + 1, assignment.cursors());
                        return Behaviors.same();
                    })
                    .onMessage(Commit.class, commit -> {
                        later(lastCommit, (int) commit.step());
                        count(commit.step());
                        if (commit.step() == steps) {
                            done.countDown();
                        } else {
                            ready(coordinator, newest[0], commit.step() + 1, commit.cursors());
                        }
                        return Behaviors.same();
                    })
                    .onAnyMessage(other -> Behaviors.same())
                    .build();
        });
    }

    private void ready(
            ActorRef<CoordinatorCommand> coordinator,
            Assignment assignment,
            long step,
            Map<Integer, LaneCursor> cursors) {
        CoordinatorCommand.StepReady ready = stepReady(assignment, step, cursors);
        later(lastReady, (int) step);
        count(step);
        coordinator.tell(ready);
    }

    private static CoordinatorCommand.StepReady stepReady(
            Assignment assignment, long step, Map<Integer, LaneCursor> cursors) {
        Map<Integer, LedgerEntry.Range> ranges = new HashMap<>();
        assignment.lanes().forEach(lane -> {
            LaneCursor before = cursors.get(lane);
            LaneCursor after = new LaneCursor(0, 0, 0, 0, before.offset() + 1);
            ranges.put(lane, new LedgerEntry.Range(before, after));
        });
        return new CoordinatorCommand.StepReady(
                assignment.generation(),
                step,
                assignment.rank(),
                0.5,
                0.5,
                true,
                ranges,
                new StepStages(0.01, 0.5, 0.1, StageCounts.NONE));
    }

    private void count(long step) {
        if (step > warmUp) {
            messages.incrementAndGet();
        }
    }

    private static void later(AtomicLongArray times, int step) {
        times.accumulateAndGet(step, System.nanoTime(), Math::max);
    }

    private Result result(ActorSystem<?> system, int nodes) {
        double[] millis = IntStream.rangeClosed(warmUp + 1, steps)
                .mapToDouble(step -> (lastCommit.get(step) - lastReady.get(step)) / 1e6)
                .sorted()
                .toArray();
        Map<Integer, LaneCursor> all = cursors();
        Map<Integer, LaneCursor> own = Map.of(0, LaneCursor.START);
        Assignment assignment = new Assignment(
                1, 0, workers, List.of(0), workers, 1, own, false, false, List.of(), WorkerCommand.Transfer.NONE, 0);
        long ready = bytes(system, stepReady(assignment, 2, own));
        long commit = bytes(system, new Commit(1, 2, true, own, false, false));
        long witness = bytes(system, new Commit(1, 2, true, all, false, false));
        int witnesses = Math.min(workers, StepProtocol.WITNESSES);
        return new Result(
                workers,
                nodes,
                millis.length,
                millis[millis.length / 2],
                millis[(int) Math.ceil(millis.length * 0.99) - 1],
                messages.get() / millis.length,
                workers * ready + (workers - witnesses) * commit + witnesses * witness);
    }

    private static long bytes(ActorSystem<?> system, Object message) {
        return SerializationExtension.get(system).serialize(message).get().length;
    }
}
