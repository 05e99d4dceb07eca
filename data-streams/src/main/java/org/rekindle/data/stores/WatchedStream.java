package org.rekindle.data.stores;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * A stream that fails when nothing comes for a while: the JDK's HTTP client has a time limit for the answer, but none for its body, and a
 * command may hang.
 */
public final class WatchedStream extends FilterInputStream {

    private static final int SKIPPED_AT_ONCE = 1 << 16;
    private static final ScheduledThreadPoolExecutor WATCHDOG = watchdog();

    private final Duration limit;
    private volatile boolean stalled;

    /** @param limit for the next bytes */
    public WatchedStream(InputStream in, Duration limit) {
        super(in);
        this.limit = limit;
    }

    /** It closes streams that stall; its thread does nothing else. */
    private static ScheduledThreadPoolExecutor watchdog() {
        ScheduledThreadPoolExecutor watchdog = new ScheduledThreadPoolExecutor(1, work -> {
            Thread thread = new Thread(work, "stream-watchdog");
            thread.setDaemon(true);
            return thread;
        });
        watchdog.setRemoveOnCancelPolicy(true); // there is an alarm for each read
        return watchdog;
    }

    @Override
    public long skip(long count) throws IOException {
        return Math.max(0, read(new byte[(int) Math.min(count, SKIPPED_AT_ONCE)]));
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
    }

    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
        ScheduledFuture<?> alarm = WATCHDOG.schedule(this::stall, limit.toMillis(), TimeUnit.MILLISECONDS);
        try {
            int count = in.read(buffer, offset, length);
            if (stalled) {
                throw stalledException(null);
            }
            return count;
        } catch (IOException e) {
            throw stalled ? stalledException(e) : e;
        } finally {
            alarm.cancel(false);
        }
    }

    /** Closing wakes the reader. */
    private void stall() {
        stalled = true;
        try {
            in.close();
        } catch (IOException e) {
            // The reader fails by itself.
        }
    }

    private IOException stalledException(IOException cause) {
        return new IOException("no data for " + limit.toSeconds() + " s", cause);
    }
}
