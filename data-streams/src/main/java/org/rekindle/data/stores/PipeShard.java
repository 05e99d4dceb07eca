package org.rekindle.data.stores;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * What a command writes to its standard output, as {@code pipe:aws s3 cp s3://bucket/key.tar -}. A command that fails or hangs is run
 * again and what was read of it before passed over; when nobody reads any more its processes are ended. The pipe's own 64 KiB are all that is read
 * ahead.
 */
record PipeShard(String command, Patience patience) implements Shard {

    private static final int KEPT_OF_STDERR = 2048;
    private static final long GRACE_SECONDS = 2;

    /** Users write {@code set -o pipefail}, which a plain sh may not know. */
    private static final String SHELL = Files.exists(Path.of("/bin/bash")) ? "/bin/bash" : "/bin/sh";

    @Override
    public String location() {
        return "pipe:" + command.replaceAll("(?i)((?:key|token|secret|password|signature)[\\w-]*[= ]+)\\S+", "$1...");
    }

    @Override
    public String name() {
        String location = location();
        return location.length() <= 100 ? location : location.substring(0, 97) + "...";
    }

    @Override
    public InputStream open(long offset) throws IOException {
        return ResumedStream.open(name(), offset, patience, this::run);
    }

    private InputStream run(long from) throws IOException {
        Process process = new ProcessBuilder(SHELL, "-c", command)
                .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
                .start();
        InputStream output = new WatchedStream(new Output(process), patience.stall());
        try {
            output.skipNBytes(from);
            return output;
        } catch (IOException e) {
            output.close();
            throw e;
        }
    }

    /** Only reading to the end would tell. */
    @Override
    public long length() {
        return -1;
    }

    @Override
    public String toString() {
        return location();
    }

    /** The standard output of a process, which must end well. */
    private static final class Output extends FilterInputStream {

        private final Process process;
        private final CompletableFuture<String> errors;

        Output(Process process) {
            super(process.getInputStream());
            this.process = process;
            this.errors = new CompletableFuture<>();
            Thread reader = new Thread(() -> errors.complete(tail(process.getErrorStream())), "pipe-stderr");
            reader.setDaemon(true);
            reader.start();
        }

        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
        }

        @Override
        public int read(byte[] into, int offset, int count) throws IOException {
            int read = in.read(into, offset, count);
            if (read < 0) {
                requireSuccess();
            }
            return read;
        }

        private void requireSuccess() throws IOException {
            try {
                int status = process.waitFor();
                if (status != 0) {
                    String said = errors.get(GRACE_SECONDS, TimeUnit.SECONDS);
                    throw new IOException("the command ended with exit status " + status
                            + (said.isEmpty() ? "" : " and said: " + said));
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new InterruptedIOException("interrupted");
            } catch (java.util.concurrent.ExecutionException | java.util.concurrent.TimeoutException e) {
                throw new IOException("the command ended badly", e);
            }
        }

        /** The end of a text, in one line. */
        private static String tail(InputStream text) {
            StringBuilder kept = new StringBuilder();
            byte[] buffer = new byte[KEPT_OF_STDERR];
            try {
                for (int read = text.read(buffer); read >= 0; read = text.read(buffer)) {
                    kept.append(new String(buffer, 0, read, StandardCharsets.UTF_8));
                    kept.delete(0, Math.max(0, kept.length() - KEPT_OF_STDERR));
                }
            } catch (IOException e) {
                kept.append(" (").append(e.getMessage()).append(')');
            }
            return kept.toString().strip().replaceAll("\\s*\\R\\s*", " | ");
        }

        /** Ends the command with all that it has started; those that do not go are killed. */
        @Override
        public void close() {
            List<ProcessHandle> started = process.descendants().toList();
            // A shell whose child goes first would take that for its own end.
            process.destroy();
            started.forEach(ProcessHandle::destroy);
            if (process.isAlive() || started.stream().anyMatch(ProcessHandle::isAlive)) {
                CompletableFuture.delayedExecutor(GRACE_SECONDS, TimeUnit.SECONDS)
                        .execute(() -> {
                            process.destroyForcibly();
                            started.forEach(ProcessHandle::destroyForcibly);
                        });
            }
        }
    }
}
