package org.rekindle.data.lanes;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What went through the stages of one lane, or of several, since it was opened. Blocks that are read again after a resume count again.
 *
 * @param read shards to accepted examples; its items are all examples, its bytes those of members read, its queue accepted
 *     examples that wait for a decoder
 * @param decode encoded images to pixels; its queue holds decoded images that wait for their batch
 * @param batch images to batches; its bytes are pixels, its queue batches that nobody has taken
 * @param losses examples that did not reach a batch
 * @param waitSeconds how long the taker waited for batches, summed over lanes
 * @param openSeconds how long the lanes have been open, summed over them
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record StageCounts(
        Stage read, Stage decode, Stage batch, Losses losses, double waitSeconds, double openSeconds) {

    /** Of no lane. */
    public static final StageCounts NONE =
            new StageCounts(Stage.NONE, Stage.NONE, Stage.NONE, new Losses(0, 0, Map.of(), 0, 0), 0, 0);

    /**
     * One stage.
     *
     * @param items that it gave
     * @param bytes that it took, or gave
     * @param busySeconds time spent at work, summed over its threads
     * @param queued items that it has given and the next stage has not taken, at this moment
     * @param threads that it may use
     */
    @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
    public record Stage(long items, long bytes, double busySeconds, long queued, int threads) {

        private static final Stage NONE = new Stage(0, 0, 0, 0, 0);

        Stage plus(Stage other) {
            return new Stage(
                    items + other.items,
                    bytes + other.bytes,
                    busySeconds + other.busySeconds,
                    queued + other.queued,
                    threads + other.threads);
        }

        /** The share of the time that its threads are at work, when it has run for so long. */
        double busy(double seconds) {
            return threads == 0 || seconds == 0 ? 0 : busySeconds / seconds / threads;
        }
    }

    /**
     * Examples that did not reach a batch.
     *
     * @param withoutImage examples without an image
     * @param withoutCaption examples without a caption
     * @param rejected examples per filter that was the first to reject them, by filter such as {@code pwatermark<=0.5}
     * @param corrupt members or images that could not be read; each is named in a warning of the log
     * @param skippedShards shard ranges that were given up before their end
     */
    @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
    public record Losses(
            long withoutImage, long withoutCaption, Map<String, Long> rejected, long corrupt, long skippedShards) {

        Losses plus(Losses other) {
            Map<String, Long> both = new TreeMap<>(rejected);
            other.rejected.forEach((filter, count) -> both.merge(filter, count, Long::sum));
            return new Losses(
                    withoutImage + other.withoutImage,
                    withoutCaption + other.withoutCaption,
                    both,
                    corrupt + other.corrupt,
                    skippedShards + other.skippedShards);
        }

        long byFilters() {
            return rejected.values().stream().mapToLong(Long::longValue).sum();
        }

        /** Says in words what became of examples; empty when nothing was lost. */
        String inWords() {
            List<String> reasons = new ArrayList<>();
            rejected.forEach((filter, count) -> add(reasons, count, "rejected by " + filter));
            add(reasons, withoutImage, "without an image");
            add(reasons, withoutCaption, "without a caption");
            add(reasons, corrupt, "corrupt, named in the log");
            add(reasons, skippedShards, "shards given up");
            return String.join(", ", reasons);
        }

        private static void add(List<String> reasons, long count, String reason) {
            if (count > 0) {
                reasons.add(count + " " + reason);
            }
        }
    }

    /** The same counts, with the threads that decode for all lanes of a worker. */
    public StageCounts decodedBy(int threads) {
        Stage by = new Stage(decode.items, decode.bytes, decode.busySeconds, decode.queued, threads);
        return new StageCounts(read, by, batch, losses, waitSeconds, openSeconds);
    }

    /** Returns how long the lanes have been open, on average. */
    double seconds() {
        return read.threads() == 0 ? 0 : openSeconds / read.threads();
    }

    /** Returns the share of the time that the taker waited for batches. */
    public double waiting() {
        return openSeconds == 0 ? 0 : waitSeconds / openSeconds;
    }

    /** The sums of two lanes, or of two workers. */
    public StageCounts plus(StageCounts other) {
        return new StageCounts(
                read.plus(other.read),
                decode.plus(other.decode),
                batch.plus(other.batch),
                losses.plus(other.losses),
                waitSeconds + other.waitSeconds,
                openSeconds + other.openSeconds);
    }

    /** Says in words how many examples there were and what became of those that were left out. */
    String inWords() {
        String lost = losses.inWords();
        return read.items() + " examples" + (lost.isEmpty() ? "" : ", " + lost);
    }
}
