package org.rekindle.coordinator.monitoring;

import java.nio.file.Path;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.rekindle.coordinator.checkpoints.RunBucket;

/**
 * Uploads what a run in a bucket leaves beside checkpoints and ledger: where it watches the run, the metrics with each checkpoint and at
 * the end; where it hears of checkpoints that were written, logs and pictures.
 */
public final class RunUploads implements StepListener {

    private final RunBucket bucket;

    /** The coordinator does not wait; one upload waits at most, for it will send the same file. */
    private final ThreadPoolExecutor thread = new ThreadPoolExecutor(
            0,
            1,
            1,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(1),
            work -> {
                Thread worker = new Thread(work, "uploads");
                worker.setDaemon(true);
                return worker;
            },
            new ThreadPoolExecutor.DiscardPolicy());

    public RunUploads(RunBucket bucket) {
        this.bucket = bucket;
    }

    @Override
    public void committed(StepMetrics metrics) {
        if (metrics.data() != null) {
            thread.execute(bucket::uploadMetrics);
        }
    }

    @Override
    public void saved(long step, Path pipeline) {
        bucket.uploadLogs();
    }

    @Override
    public void close() {
        thread.shutdown();
        bucket.uploadMetrics();
    }
}
