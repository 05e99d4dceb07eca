package org.rekindle.data.lanes;

import java.util.concurrent.ExecutorService;
import org.apache.pekko.actor.ClassicActorSystemProvider;
import org.rekindle.data.DatasetConfig;
import org.rekindle.data.ProcessUsage;
import org.rekindle.data.UserException;
import org.rekindle.data.formats.DataSet;

/** {@code bench data}: how fast one lane delivers. */
public final class DataBenchmark {

    private DataBenchmark() {}

    /**
     * What was measured.
     *
     * @param images examples delivered
     * @param seconds wall clock from the start of the stream to the last batch
     * @param cpuSeconds time of all threads of the process in that span
     * @param peakRssBytes largest resident memory of the process so far; where the system does not tell, the current one
     * @param counts what went through each stage
     */
    public record Result(long images, double seconds, double cpuSeconds, long peakRssBytes, StageCounts counts) {
        public double imagesPerSecond() {
            return images / seconds;
        }
    }

    /**
     * Reads {@code num_examples_to_see} examples, rounded up to whole batches, through a single lane.
     *
     * @throws UserException when the count is not set or the lane fails
     */
    public static Result run(ClassicActorSystemProvider system, DataSet dataSet) {
        DatasetConfig.Params params = dataSet.params();
        if (params.numExamplesToSee() == null || params.numExamplesToSee() < 1) {
            throw new UserException("dataset.params.num_examples_to_see is " + params.numExamplesToSee()
                    + ": give how many examples to read, at least 1");
        }
        ExecutorService decoders = DecodeThreads.start(params.workers());
        long cpu = ProcessUsage.cpuNanos();
        long start = System.nanoTime();
        LanePlan plan = new LanePlan(0, 1, dataSet.shards());
        try (LaneFeed feed = LaneFeed.open(system, dataSet, plan, 0, LaneCursor.START, decoders)) {
            long images = 0;
            while (images < params.numExamplesToSee()) {
                images += feed.next().size();
            }
            double seconds = (System.nanoTime() - start) / 1e9;
            return new Result(
                    images,
                    seconds,
                    (ProcessUsage.cpuNanos() - cpu) / 1e9,
                    ProcessUsage.peakRssBytes(),
                    feed.counts().decodedBy(params.workers()));
        } finally {
            decoders.shutdownNow();
        }
    }
}
