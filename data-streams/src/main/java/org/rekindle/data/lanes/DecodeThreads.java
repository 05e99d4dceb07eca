package org.rekindle.data.lanes;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;

/** The bounded pool that decodes images for all lanes of one worker. */
public final class DecodeThreads {

    private DecodeThreads() {}

    /** Starts {@code workers} daemon threads; the caller shuts them down after it closed the lanes. */
    public static ExecutorService start(int workers) {
        AtomicInteger number = new AtomicInteger();
        return Executors.newFixedThreadPool(workers, task -> {
            Thread thread = new Thread(task, "decode-" + number.incrementAndGet());
            thread.setDaemon(true);
            return thread;
        });
    }
}
