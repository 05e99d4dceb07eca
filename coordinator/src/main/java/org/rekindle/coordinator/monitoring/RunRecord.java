package org.rekindle.coordinator.monitoring;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.TreeMap;
import org.rekindle.coordinator.protocol.RunView;
import org.rekindle.coordinator.protocol.StepStages;

/**
 * What a coordinator remembers of its run for those who ask; of a size that does not grow with the steps.
 *
 * <p>Threads: one at a time.
 */
public final class RunRecord {

    private static final int EVENTS = 256;

    private final Throughput throughput = new Throughput();
    private final Stragglers stragglers = new Stragglers();
    private final Map<String, Long> counts = new TreeMap<>();
    private final Map<Integer, String> slow = new TreeMap<>(); // stage by rank
    private final Deque<RunView.Event> events = new ArrayDeque<>();
    private long number;
    private StepMetrics newest;
    private long savingStep; // whose checkpoint is being written; 0 for none
    private long savingSince;
    private OptionalDouble saveSeconds = OptionalDouble.empty();

    public RunRecord() {
        int restarts = SlurmRestarts.of(System.getenv());
        if (restarts > 0) {
            counts.put("restarts", (long) restarts);
        }
    }

    /** The run starts, or goes on from an earlier step. */
    public void started(long step, long examplesSeen) {
        throughput.start(System.nanoTime(), step, examplesSeen);
    }

    /**
     * A step was committed.
     *
     * @param stages where the time went, by rank
     * @param lanes how many lanes each computed, by rank
     * @return what people should know of workers that became slow, or are no longer
     */
    public List<String> committed(StepMetrics metrics, long generation, List<StepStages> stages, List<Integer> lanes) {
        newest = metrics;
        throughput.add(System.nanoTime(), metrics.step(), metrics.examplesSeen());
        stragglers.add(generation, stages, lanes);
        List<String> lines = new ArrayList<>();
        for (int rank = 0; rank < stages.size(); rank++) {
            String stage = stragglers.slowStage(rank);
            String before = slow.getOrDefault(rank, "");
            if (!stage.equals(before)) {
                slow.put(rank, stage);
                lines.add(
                        stage.isEmpty()
                                ? "worker %d keeps up again".formatted(rank)
                                : "worker %d holds the others up: its %s takes longer than theirs"
                                        .formatted(rank, stage));
            }
        }
        slow.keySet().removeIf(rank -> rank >= stages.size());
        return lines;
    }

    /** A checkpoint of a step begins. */
    public void saving(long step) {
        savingStep = step;
        savingSince = System.nanoTime();
    }

    /** A checkpoint is there: how many seconds it took, where its begin was seen. Empty when that is said again. */
    public OptionalDouble saved(long step) {
        if (step != savingStep) {
            return OptionalDouble.empty();
        }
        savingStep = 0;
        saveSeconds = OptionalDouble.of((System.nanoTime() - savingSince) / 1e9);
        return saveSeconds;
    }

    /** Seconds that the newest checkpoint took. */
    public OptionalDouble saveSeconds() {
        return saveSeconds;
    }

    /** Seconds between steps, of late; NaN before there are any. */
    public double stepSeconds() {
        return newest == null ? Double.NaN : throughput.stepSeconds();
    }

    /** Something happened that people are told. */
    public void event(String line) {
        events.addLast(new RunView.Event(
                ++number, Instant.now().truncatedTo(ChronoUnit.MILLIS).toString(), line));
        if (events.size() > EVENTS) {
            events.removeFirst();
        }
    }

    /** One more of a kind. */
    public void count(String kind) {
        counts.merge(kind, 1L, Long::sum);
    }

    /** The newest step; empty before there is one. */
    public Optional<StepMetrics> newest() {
        return Optional.ofNullable(newest);
    }

    /** NaN before there are steps. */
    public double imagesPerSecond() {
        return newest == null ? Double.NaN : throughput.imagesPerSecond();
    }

    public Map<String, Long> counts() {
        return Map.copyOf(counts);
    }

    public List<RunView.Event> events() {
        return List.copyOf(events);
    }

    /** A worker with its pace. */
    public RunView.Worker paced(RunView.Worker worker) {
        return stragglers
                .pace(worker.rank())
                .map(pace -> new RunView.Worker(
                        worker.rank(),
                        worker.node(),
                        worker.address(),
                        worker.lanes(),
                        worker.weights(),
                        pace.dataWait(),
                        pace.compute(),
                        pace.reduce(),
                        stragglers.slowStage(worker.rank())))
                .orElse(worker);
    }
}
