package org.rekindle.data.stores;

import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.function.Function;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.s3.model.S3Exception;

/** Requests to a store that are waited for, several at a time. */
final class Transfers {

    private static final int AT_A_TIME = 8;

    /** Bytes of one range of a download; fewer would open more connections, more would leave some idle. */
    private static final long RANGE = 64L << 20;

    private static final int BUFFER = 1 << 18;

    private Transfers() {}

    /**
     * Waits for an answer.
     *
     * @throws S3Exception when the store refuses
     * @throws IOException when it cannot be reached, in the user's words
     */
    static <T> T join(CompletableFuture<T> answer) throws IOException {
        try {
            return answer.get();
        } catch (InterruptedException e) {
            answer.cancel(true);
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted");
        } catch (ExecutionException e) {
            if (e.getCause() instanceof S3Exception refused) {
                throw refused;
            }
            throw failure(e.getCause());
        }
    }

    private static IOException failure(Throwable cause) {
        if (cause instanceof SdkException sdk) {
            return S3Shard.failure(sdk);
        }
        return cause instanceof IOException io ? io : new IOException(cause.toString(), cause);
    }

    /** Sends a request for each, a bounded number at a time, and waits for all that were sent; the first failure ends it. */
    static <T> void all(Collection<T> each, Function<T, CompletableFuture<?>> request) throws IOException {
        Semaphore free = new Semaphore(AT_A_TIME);
        CompletableFuture<Void> failed = new CompletableFuture<>();
        List<CompletableFuture<?>> sent = new ArrayList<>();
        for (T one : each) {
            acquire(free);
            if (failed.isCompletedExceptionally()) {
                break;
            }
            sent.add(request.apply(one).whenComplete((answer, thrown) -> {
                if (thrown != null) {
                    failed.completeExceptionally(thrown);
                }
                free.release();
            }));
        }
        try {
            join(CompletableFuture.allOf(sent.toArray(CompletableFuture[]::new)));
        } catch (S3Exception e) {
            throw S3Shard.failure(e);
        }
    }

    private static void acquire(Semaphore free) throws IOException {
        try {
            free.acquire();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted");
        }
    }

    static void pause(Duration pause) throws IOException {
        try {
            Thread.sleep(pause.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted");
        }
    }

    /** See {@link Bucket#download}. */
    static void download(Map<String, Path> files, Map<String, Long> sizes, Function<String, Shard> shards)
            throws IOException {
        ExecutorService threads = Executors.newFixedThreadPool(AT_A_TIME, work -> {
            Thread thread = new Thread(work, "download");
            thread.setDaemon(true);
            return thread;
        });
        try {
            List<Future<?>> ranges = new ArrayList<>();
            files.forEach((key, file) -> {
                Shard shard = shards.apply(key);
                long size = sizes.get(key);
                for (long from = 0; from == 0 || from < size; from += RANGE) {
                    long start = from;
                    long end = Math.min(size, from + RANGE);
                    ranges.add(threads.submit(() -> {
                        download(shard, start, end, file);
                        return null;
                    }));
                }
            });
            for (Future<?> range : ranges) {
                range.get();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted");
        } catch (ExecutionException e) {
            throw failure(e.getCause());
        } finally {
            threads.shutdownNow();
        }
    }

    private static void download(Shard shard, long start, long end, Path file) throws IOException {
        try (FileChannel out = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            if (start == end) {
                return; // an empty file
            }
            try (InputStream in = shard.open(start)) {
                byte[] buffer = new byte[BUFFER];
                for (long at = start; at < end; ) {
                    int read = in.read(buffer, 0, (int) Math.min(BUFFER, end - at));
                    if (read < 0) {
                        throw new IOException(shard.name() + " ends at byte " + at);
                    }
                    ByteBuffer bytes = ByteBuffer.wrap(buffer, 0, read);
                    while (bytes.hasRemaining()) {
                        at += out.write(bytes, at);
                    }
                }
            }
        }
    }
}
