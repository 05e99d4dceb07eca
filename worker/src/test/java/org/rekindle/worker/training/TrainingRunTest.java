package org.rekindle.worker.training;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.rekindle.coordinator.checkpoints.Checkpoint;
import org.rekindle.coordinator.checkpoints.RunFolder;
import org.rekindle.coordinator.checkpoints.TrainerState;
import org.rekindle.coordinator.config.ConfigReader;
import org.rekindle.coordinator.config.RunConfig;
import org.rekindle.coordinator.membership.NodePlace;
import org.rekindle.coordinator.monitoring.StepListener;
import org.rekindle.coordinator.monitoring.StepMetrics;
import org.rekindle.coordinator.protocol.Outcome;
import org.rekindle.data.UserException;
import org.rekindle.data.lanes.LaneBatch;
import org.rekindle.worker.cli.RekindleProcess;

/** Whole runs over a real one-node cluster, with a fake session and fake lanes: 20 steps of 2 lanes of 2 examples. */
@Timeout(60)
class TrainingRunTest {

    @TempDir
    Path folder;

    private final FakeFeeds feeds = new FakeFeeds();
    private final List<Long> committed = new CopyOnWriteArrayList<>();
    private final List<Long> saved = new CopyOnWriteArrayList<>();
    private final Map<Long, Double> validated = new ConcurrentHashMap<>();
    private final List<String> messages = new CopyOnWriteArrayList<>();
    private FakeSession session;
    private Runnable atStep7 = () -> {};

    private final StepListener listener = new StepListener() {
        @Override
        public void committed(StepMetrics metrics) {
            committed.add(metrics.step());
            if (metrics.step() == 7) {
                atStep7.run();
            }
        }

        @Override
        public void validated(long step, double loss) {
            validated.put(step, loss);
        }

        @Override
        public void saved(long step, Path pipeline) {
            assertThat(pipeline.resolve("weight.txt")).exists();
            saved.add(step);
        }

        @Override
        public void message(String line) {
            messages.add(line);
        }
    };

    private RunConfig config(String... more) throws IOException {
        Path yaml = folder.resolve("run.yaml");
        Files.writeString(yaml, """
                system: {gradient_accumulation: 2, batch_size: 2, workers: 1}
                experiment: {log_dir: %s, name: run, num_examples_to_see: 80, save_every: 5, requeue: true}
                optimizer: {name: adamw, params: {learning_rate: 0.1, beta1: 0.9, beta2: 0.999, weight_decay: 0.0, epsilon: 1.0e-8}}
                model: {pretrained: none}
                dataset: {type: WebDataset, params: {path: "a.tar", batch_size: 2, workers: 1, num_examples_to_see: 80, resolution: 64}}
                lr_scheduler: {scheduler: ConstantWithWarmup, params: {learning_rate: 0.1, warmup_length: 1}}
                """.formatted(folder));
        return ConfigReader.read(
                Stream.concat(Stream.of("config=" + yaml), Stream.of(more)).toList());
    }

    private Outcome train(Function<TrainerState, FakeSession> sessions) throws IOException {
        RunConfig config = config();
        try (RunFolder run = RunFolder.open(config)) {
            Checkpoint start = run.startingPoint(messages::add).orElseGet(() -> run.checkpoints()
                    .commit(TrainingRun.fresh(config, config.lanes(1)), 0, empty -> {}));
            return new TrainingRun(
                            config,
                            NodePlace.ALONE,
                            from -> session = sessions.apply(from.state()),
                            lanes -> step -> 0.1,
                            () -> List.of(listener),
                            List.of(listener))
                    .lead(run, start, (system, lanes) -> feeds);
        }
    }

    /** The weight after all 20 steps, computed without any of the machinery. */
    private static long expectedWeight() {
        long weight = 1;
        for (int step = 1; step <= 20; step++) {
            int first = 2 * (step - 1);
            List<String> keys = List.of("0#" + first, "0#" + (first + 1), "1#" + first, "1#" + (first + 1));
            weight = 31 * (31 * weight + step) + keys.hashCode();
        }
        return weight;
    }

    private static List<Long> steps(int from, int to) {
        return IntStream.rangeClosed(from, to).mapToObj(i -> (long) i).toList();
    }

    /** Its lines of steps. */
    private List<String> ledger() throws IOException {
        return Files.readAllLines(folder.resolve("run/ledger.jsonl")).stream()
                .filter(line -> !line.contains("\"event\""))
                .toList();
    }

    @ParameterizedTest
    @CsvSource({"nccl, nccl", "ring, ring", "gloo, ring"})
    void nodesThatSumByAnotherMeansAreOfAnotherRun(String told, String backend) throws IOException {
        RunConfig config = config("distributed.dist_backend=" + told);
        TrainingRun run = new TrainingRun(config, NodePlace.ALONE, null, null, null, List.of());
        assertThat(run.identity())
                .containsEntry("distributed.dist_backend", backend)
                .containsAllEntriesOf(config.identity());
    }

    @Test
    void aRunTakesEveryStepOnceAndSavesOnTheWayAndAtTheEnd() throws IOException {
        assertThat(train(FakeSession::new)).isEqualTo(Outcome.completed(20));
        assertThat(session.weight).isEqualTo(expectedWeight());
        assertThat(committed).isEqualTo(steps(1, 20));
        assertThat(saved).containsExactly(5L, 10L, 15L, 20L);
        assertThat(ledger()).hasSize(20);
        assertThat(session.trainedOn).doesNotHaveDuplicates().hasSize(80);
        assertThat(session.closed).isTrue();
        assertThat(session.threads).as("one training thread").hasSize(1).doesNotContain(Thread.currentThread());
        assertThat(folder.resolve("run/current_pipeline/weight.txt")).hasContent(Long.toString(expectedWeight()));
    }

    @ParameterizedTest
    @ValueSource(strings = {"USR1", "TERM", "INT"})
    @DisabledOnOs(OS.WINDOWS)
    void aSignalDrainsAndTheNextStartRepeatsNoExample(String signal) throws IOException {
        List<String> examples = new ArrayList<>();
        String sent = signal.equals("INT") && !RekindleProcess.interruptsReachProcesses() ? "TERM" : signal;
        atStep7 = () -> raise(sent);
        Outcome outcome = train(FakeSession::new);
        assertThat(outcome.kind()).isEqualTo(Outcome.Kind.DRAINED);
        assertThat(outcome.exitCode()).isZero();
        int drained = committed.size();
        assertThat(drained).isBetween(7, 19);
        assertThat(saved).endsWith((long) drained);
        assertThat(messages).anySatisfy(line -> assertThat(line).contains("SIG" + sent));
        examples.addAll(session.trainedOn);

        assertThat(train(FakeSession::new)).isEqualTo(Outcome.completed(20));
        examples.addAll(session.trainedOn);
        assertThat(examples).doesNotHaveDuplicates().hasSize(80);
        assertThat(session.weight).isEqualTo(expectedWeight());
        assertThat(committed).isEqualTo(steps(1, 20));
    }

    /** Slows the steps down so that a signal meets a run under way. */
    private void raise(String signal) {
        try {
            new ProcessBuilder(
                            "kill",
                            "-" + signal,
                            Long.toString(ProcessHandle.current().pid()))
                    .start()
                    .waitFor();
            Thread.sleep(100);
        } catch (IOException | InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void validationsSeeTheWeightsOfTheirStepAndAreToldBeforeTheRunEnds() throws IOException {
        train(start -> {
            FakeSession validating = new FakeSession(start);
            validating.validateEvery = 10;
            return validating;
        });

        assertThat(validated).containsOnlyKeys(10L, 20L);
        assertThat(validated.get(20L)).isEqualTo((double) expectedWeight());
        assertThat(validated.get(10L)).isNotEqualTo((double) expectedWeight());
        assertThat(committed).isEqualTo(steps(1, 20));
    }

    @Test
    void aRunThatDiedGoesOnFromItsNewestCheckpointAsIfNothingHadHappened() throws IOException {
        Outcome died = train(start -> new FakeSession(start) {
            @Override
            public StepResult computeGradients(long step, List<LaneBatch> batches, int lanes) {
                if (step == 13) {
                    throw new IllegalStateException("CUDA error: out of memory\nat line 2");
                }
                return super.computeGradients(step, batches, lanes);
            }
        });
        assertThat(died.kind()).isEqualTo(Outcome.Kind.FAILED);
        assertThat(died.exitCode()).isEqualTo(1);
        assertThat(died.line()).contains("step 13", "CUDA error").doesNotContain("\n");
        assertThat(ledger()).hasSize(12);

        committed.clear();
        assertThat(train(FakeSession::new)).isEqualTo(Outcome.completed(20));
        assertThat(committed).isEqualTo(steps(11, 20));
        assertThat(ledger()).hasSize(20);
        assertThat(session.weight).isEqualTo(expectedWeight());
    }

    @Test
    void aRunThatWasCompleteIsCompleteAgainAtOnce() throws IOException {
        train(FakeSession::new);
        committed.clear();
        assertThat(train(FakeSession::new)).isEqualTo(Outcome.completed(20));
        assertThat(committed).isEmpty();
    }

    @Test
    void stepsThatAreNotFiniteAreSkippedAndRecorded() throws IOException {
        Outcome outcome = train(start -> new FakeSession(start) {
            @Override
            public StepResult computeGradients(long step, List<LaneBatch> batches, int lanes) {
                StepResult result = super.computeGradients(step, batches, lanes);
                return step % 4 == 0 ? new StepResult(Double.NaN, Double.NaN, false) : result;
            }
        });
        assertThat(outcome).isEqualTo(Outcome.completed(20));
        assertThat(session.trainedOn).doesNotHaveDuplicates().hasSize(60).doesNotContain("0#6", "1#6");
        assertThat(ledger().stream().filter(line -> line.contains("\"skipped\":true")))
                .hasSize(5);
        assertThat(messages).contains("step 4 is skipped: loss or gradients are not finite");
    }

    @Test
    void aLaneThatFailsEndsTheRunWithItsLine() throws IOException {
        feeds.failAt = 12;
        assertThat(train(FakeSession::new)).isEqualTo(Outcome.failed("shard lane-0.tar is missing: put it there"));
        assertThat(session.closed).isTrue();
        assertThat(committed).isEqualTo(steps(1, 6));
    }

    @Test
    void aSessionThatCannotBeMadeEndsTheRunWithItsLine() throws IOException {
        Outcome outcome = train(start -> {
            throw new UserException("unet/config.json is missing");
        });
        assertThat(outcome).isEqualTo(Outcome.failed("unet/config.json is missing"));
    }

    @Test
    void aHeapTooSmallForACheckpointEndsTheRunWithALine() throws IOException {
        Outcome outcome = train(start -> new FakeSession(start) {
            @Override
            public Snapshot snapshot() {
                throw new OutOfMemoryError("Java heap space");
            }
        });
        assertThat(outcome.kind()).isEqualTo(Outcome.Kind.FAILED);
        assertThat(outcome.line())
                .startsWith("the JVM's memory does not suffice at step 5 (Java heap space; its heap is at most ")
                .endsWith("): set REKINDLE_JAVA_OPTS=-Xmx as `train --dry-run` tells");
        assertThat(session.closed).isTrue();
    }

    @Test
    void aCheckpointThatCannotBeWrittenEndsTheRunEvenWhileItWaitsForData() throws IOException {
        feeds.stallAt = 10;
        CountDownLatch stalled = feeds.stalled;
        Outcome outcome = train(start -> new FakeSession(start) {
            @Override
            public Snapshot snapshot() {
                Snapshot snapshot = super.snapshot();
                return new Snapshot() {
                    @Override
                    public void writeTo(Path target) {
                        try {
                            stalled.await();
                        } catch (InterruptedException e) {
                            throw new IllegalStateException(e);
                        }
                        throw new UserException("no space left in the run folder");
                    }

                    @Override
                    public ObjectNode state() {
                        return snapshot.state();
                    }
                };
            }
        });
        assertThat(outcome).isEqualTo(Outcome.failed("no space left in the run folder"));
        assertThat(session.closed).isTrue();
    }
}
