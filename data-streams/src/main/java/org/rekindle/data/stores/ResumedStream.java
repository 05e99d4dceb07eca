package org.rekindle.data.stores;

import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The bytes of a shard over a connection that may break: it is opened again at the byte that was reached, after a pause, five times in a
 * row without progress at most. One thread reads; any thread may close, which ends a read and a pause.
 */
final class ResumedStream extends InputStream {

    private static final Logger LOG = LoggerFactory.getLogger(ResumedStream.class);

    /** A store that asks for more would hold up the training: its shard is given up, or the run stopped. */
    private static final Duration LONGEST_PAUSE = Duration.ofMinutes(5);

    /** Opens the bytes from an offset on. */
    interface Opener {

        /** @throws FinalFailure where another attempt is of no use; any other {@link IOException} is tried again */
        InputStream open(long offset) throws IOException;
    }

    private final String location;
    private final Opener opener;
    private final Patience patience;
    private final CountDownLatch closed = new CountDownLatch(1);
    private long position;
    private int failures;
    private volatile InputStream stream;

    private ResumedStream(String location, Opener opener, Patience patience, long offset) {
        this.location = location;
        this.opener = opener;
        this.patience = patience;
        this.position = offset;
    }

    /** Opens at once, so that what is wrong shows here. */
    static ResumedStream open(String location, long offset, Patience patience, Opener opener) throws IOException {
        ResumedStream stream = new ResumedStream(location, opener, patience, offset);
        stream.connect();
        return stream;
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
    }

    @Override
    public int read(byte[] into, int offset, int count) throws IOException {
        if (count == 0) {
            return 0;
        }
        while (true) {
            InputStream connected = connect();
            try {
                int read = connected.read(into, offset, count);
                // What was closed by another thread may look like an end.
                requireOpen();
                if (read > 0) {
                    position += read;
                    failures = 0;
                }
                return read;
            } catch (IOException e) {
                drop();
                failed(e);
            }
        }
    }

    /** Another thread may close in between: what it has dropped fails when it is read. */
    private InputStream connect() throws IOException {
        InputStream connected = stream;
        while (connected == null) {
            requireOpen();
            try {
                connected = opener.open(position);
                stream = connected;
            } catch (IOException e) {
                failed(e);
            }
        }
        if (closed.getCount() == 0) {
            drop();
            requireOpen();
        }
        return connected;
    }

    private void failed(IOException failure) throws IOException {
        requireOpen();
        failures++;
        if (failure instanceof FinalFailure) {
            throw failure;
        } else if (failures == Patience.ATTEMPTS) {
            throw new IOException(
                    failure.getMessage() + ", at the last of " + Patience.ATTEMPTS + " attempts too", failure);
        }
        Duration pause = patience.pause(failures);
        if (failure instanceof Throttled throttled && throttled.pause().compareTo(pause) > 0) {
            pause = throttled.pause();
        }
        if (pause.compareTo(LONGEST_PAUSE) > 0) {
            throw new IOException(failure.getMessage() + ", and the store asks to wait " + pause.toSeconds() + " s");
        }
        LOG.warn("{}: {}; going on at byte {} in {} ms", location, failure.getMessage(), position, pause.toMillis());
        try {
            closed.await(pause.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted");
        }
    }

    private void requireOpen() throws IOException {
        if (closed.getCount() == 0) {
            throw new IOException("closed");
        }
    }

    private void drop() {
        InputStream dropped = stream;
        stream = null;
        if (dropped != null) {
            try {
                dropped.close();
            } catch (IOException e) {
                LOG.debug("{}: closing", location, e);
            }
        }
    }

    @Override
    public void close() {
        closed.countDown();
        drop();
    }
}
