package org.rekindle.coordinator.checkpoints;

import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.rekindle.coordinator.config.ConfigYaml;
import org.rekindle.coordinator.config.RunConfig;
import org.rekindle.coordinator.ledger.Ledger;
import org.rekindle.coordinator.membership.Reachability;
import org.rekindle.data.UserException;

/**
 * The folder of one run, {@code log_dir/name}, held exclusively while this is open. The lock is the operating system's, on
 * {@code run.lock}: it ends with the process, however that ends, so a lock file that stays behind holds nobody up. For a run that is kept
 * in a {@link RunBucket} the folder is a working copy of this machine.
 *
 * <p>Threads: any.
 */
public final class RunFolder implements AutoCloseable {

    private static final String NODES = "nodes";

    private static final String ANOTHER_SCRATCH = "let REKINDLE_SCRATCH name another folder";

    /** Beyond the owner's line, which must stay readable where locks are mandatory. */
    private static final long LOCKED_BYTE = 1L << 40;

    /** A process loses its lock when it closes any other handle of the file, so this process asks here before it opens one. */
    private static final Set<Path> HELD = ConcurrentHashMap.newKeySet();

    private final Path path;
    private final Path held;
    private final FileChannel lock;
    private final RunBucket bucket; // null where the folder is all there is
    private final Checkpoints checkpoints;
    private Ledger ledger; // once opened
    private long generation;

    private RunFolder(Path path, Path held, FileChannel lock, RunBucket bucket, Checkpoints checkpoints) {
        this.path = path;
        this.held = held;
        this.lock = lock;
        this.bucket = bucket;
        this.checkpoints = checkpoints;
    }

    /** The checkpoints of a run; touches nothing yet. */
    public static Checkpoints checkpoints(RunConfig config) {
        return checkpoints(config, RunBucket.of(config).orElse(null));
    }

    private static Checkpoints checkpoints(RunConfig config, RunBucket bucket) {
        return bucket != null
                ? bucket.checkpoints()
                : CheckpointFolder.open(
                        config.experiment().folder(), config.experiment().keepCheckpoints());
    }

    /**
     * Creates the folder where needed, locks it, removes what killed writers left and writes {@code config.yaml} (no secret in it).
     *
     * @throws UserException in one line, when it cannot be written; when another process holds it, naming that one; when there are
     *     checkpoints in it and {@code experiment.requeue} is false
     */
    public static RunFolder open(RunConfig config) {
        Path path = config.experiment().folder();
        RunBucket bucket = RunBucket.of(config).orElse(null);
        try {
            Files.createDirectories(path.resolve("logs"));
            Path held = path.toRealPath();
            RunFolder folder = new RunFolder(path, held, lock(path, held), bucket, checkpoints(config, bucket));
            try {
                folder.prepare(config);
                return folder;
            } catch (IOException | RuntimeException e) {
                folder.close();
                throw e;
            }
        } catch (FileAlreadyExistsException e) {
            throw new UserException(
                    bucket == null ? uncreatable(path, e.getFile()) : path + ": cannot be created; " + ANOTHER_SCRATCH,
                    e);
        } catch (IOException e) {
            boolean isHere = bucket == null || e instanceof FileSystemException;
            throw new UserException(
                    (isHere ? path : bucket.location()) + ": cannot be written (" + UserException.reason(e) + "); "
                            + (isHere && bucket != null ? ANOTHER_SCRATCH : "choose another experiment.log_dir"),
                    e);
        }
    }

    /**
     * Takes over the folder of a run whose leading process is gone, or about to go: waits until it has let go of the folder, and changes
     * nothing in it.
     *
     * @throws UserException when it does not let go in time: it goes on without this node
     */
    public static RunFolder takeOver(RunConfig config, Duration patience) {
        Path path = config.experiment().folder();
        RunBucket bucket = RunBucket.of(config).orElse(null);
        Instant deadline = Instant.now().plus(patience);
        while (true) {
            try {
                Path held = path.toRealPath();
                RunFolder folder = new RunFolder(path, held, lock(path, held), bucket, checkpoints(config, bucket));
                folder.fetchMetrics();
                return folder;
            } catch (IOException e) {
                throw new UserException(
                        config.experiment().location() + ": cannot be written (" + UserException.reason(e) + ")", e);
            } catch (UserException e) {
                if (Instant.now().isAfter(deadline)) {
                    throw e;
                }
            }
            pause();
        }
    }

    private void fetchMetrics() throws IOException {
        try {
            if (bucket != null) {
                bucket.fetchMetrics();
            }
        } catch (IOException | RuntimeException e) {
            close();
            throw e;
        }
    }

    private static void pause() {
        try {
            Thread.sleep(100);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new UserException("interrupted", e);
        }
    }

    /**
     * Lets others find the run.
     *
     * @param addresses hosts and ports of some of its nodes; none when it has ended
     */
    public void keepNodes(List<String> addresses) {
        try {
            String lines = String.join("\n", addresses) + "\n";
            if (bucket != null) {
                bucket.keepNodes(lines);
            } else {
                DurableFiles.replace(path.resolve(NODES), lines);
            }
        } catch (IOException e) {
            throw new UserException(location() + ": cannot be written (" + UserException.reason(e) + ")", e);
        }
    }

    /** Whether the run, when it was led last, came to its end; what a killed process leaves says so of none. */
    public boolean hasEnded() {
        List<String> nodes = bucket != null ? bucket.nodes() : nodes(path.resolve(NODES));
        return !nodes.isEmpty() && nodes.stream().allMatch(String::isBlank);
    }

    /** Hosts and ports of those of the nodes kept last which somebody listens at. */
    public static List<String> livingNodes(RunConfig config) {
        Optional<RunBucket> bucket = RunBucket.of(config);
        List<String> nodes = bucket.isPresent()
                ? bucket.get().nodes()
                : nodes(config.experiment().folder().resolve(NODES));
        return nodes.stream()
                .filter(line -> !line.isBlank())
                .filter(node -> Reachability.answers(node).toCompletableFuture().join())
                .toList();
    }

    private static List<String> nodes(Path file) {
        try {
            return Files.readAllLines(file);
        } catch (IOException e) {
            return List.of();
        }
    }

    private void prepare(RunConfig config) throws IOException {
        if (bucket != null) {
            requireAlone(config);
        }
        requireNew(config);
        if (bucket == null) {
            CheckpointFolder.open(path, null).removeLeftovers();
            generation = checkpoints.fence();
        } else {
            generation = bucket.claim(ledger());
            bucket.fetchMetrics();
        }
    }

    /** A bucket has no lock; who cannot be reached from here is stopped by the ledger and the fence. */
    private void requireAlone(RunConfig config) throws IOException {
        bucket.requireConditions();
        List<String> others = livingNodes(config);
        if (!others.isEmpty()) {
            throw new RunInUseException(location() + ": in use by " + String.join(", ", others)
                    + "; wait for it to end, or choose another experiment.name; if no run is there, remove "
                    + location() + "/" + NODES);
        }
    }

    private static String uncreatable(Path path, String file) {
        return path + ": cannot be created, for " + file + " is a file; choose another experiment.log_dir or name";
    }

    /**
     * Looks at what a start would go on from, by the sizes of files alone; touches nothing.
     *
     * @param config of a run that is kept in a folder
     * @return the newest whole checkpoint; empty for a run that begins
     * @throws UserException when {@link #open} or {@link #startingPoint} would refuse the folder
     */
    public static Optional<Checkpoint> look(RunConfig config) {
        Path path = config.experiment().folder();
        Path there = path.toAbsolutePath();
        while (!Files.exists(there)) {
            there = there.getParent();
        }
        if (!Files.isDirectory(there)) {
            throw new UserException(uncreatable(path, there.toString()));
        }
        requireNew(config);
        if (isNew(config)) {
            return Optional.empty();
        }
        Checkpoints checkpoints = checkpoints(config);
        return Optional.of(
                checkpoints.read(checkpoints.location(checkpoints.newestIntact().step())));
    }

    private static void requireNew(RunConfig config) {
        if (!config.experiment().requeue() && !isNew(config)) {
            throw new UserException(
                    place(config)
                            + ": holds checkpoints of an earlier run; continue it with experiment.requeue=true, or choose another experiment.name");
        }
    }

    private static boolean isNew(RunConfig config) {
        try {
            Optional<RunBucket> bucket = RunBucket.of(config);
            return bucket.isPresent()
                    ? bucket.get().isNew()
                    : checkpoints(config).isEmpty();
        } catch (IOException e) {
            throw new UserException(
                    place(config) + ": cannot be read (" + UserException.reason(e) + "); check experiment.log_dir", e);
        }
    }

    private static String place(RunConfig config) {
        return config.experiment().isInBucket()
                ? config.experiment().location()
                : config.experiment().folder().toString();
    }

    /** Writes {@code config.yaml}, once it is clear that the run goes on with it. */
    public void keep(RunConfig config) {
        try {
            DurableFiles.replace(path.resolve("config.yaml"), ConfigYaml.of(config));
            if (bucket != null) {
                bucket.keepConfiguration(ConfigYaml.of(config));
            }
        } catch (IOException e) {
            throw new UserException(location() + ": cannot be written (" + UserException.reason(e) + ")", e);
        }
    }

    private static FileChannel lock(Path path, Path held) throws IOException {
        Path file = path.resolve("run.lock");
        if (!HELD.add(held)) {
            throw new UserException(path + ": in use by another run of this process; choose another experiment.name");
        }
        FileChannel channel = null;
        try {
            channel = FileChannel.open(
                    file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
            FileLock lock = channel.tryLock(LOCKED_BYTE, 1, false);
            if (lock == null) {
                throw new RunInUseException(path + ": in use by "
                        + Files.readString(file).strip() + "; wait for it to end, or choose another experiment.name");
            }
            channel.truncate(0);
            channel.write(ByteBuffer.wrap(owner().getBytes(StandardCharsets.UTF_8)), 0);
            return channel;
        } catch (IOException | RuntimeException e) {
            HELD.remove(held);
            if (channel != null) {
                channel.close();
            }
            throw e;
        }
    }

    private static String owner() {
        ProcessHandle process = ProcessHandle.current();
        Instant start = process.info().startInstant().orElse(Instant.now()).truncatedTo(ChronoUnit.SECONDS);
        return "process " + process.pid() + " on " + host() + ", started at " + start + "\n";
    }

    static String host() {
        try {
            return InetAddress.getLocalHost().getHostName();
        } catch (UnknownHostException e) {
            return "an unnamed host";
        }
    }

    public Path path() {
        return path;
    }

    /** Where the run is kept: this folder, or a bucket. */
    private String location() {
        return bucket == null ? path.toString() : bucket.location();
    }

    private Path ledgerFile() {
        return path.resolve("ledger.jsonl");
    }

    /**
     * The ledger, for the one that leads the run; closed with this. It is opened once: in a bucket, opening it again would take it back from
     * whoever leads the run by now.
     */
    public synchronized Ledger ledger() {
        if (ledger == null) {
            ledger = bucket == null ? Ledger.open(ledgerFile()) : bucket.ledger(ledgerFile());
        }
        return ledger;
    }

    /** The generation of a checkpoint that is written before any has formed. */
    public long generation() {
        return generation;
    }

    public Checkpoints checkpoints() {
        return checkpoints;
    }

    /**
     * What the run starts from: the newest valid checkpoint; empty for a folder without checkpoints. Lets {@code current_pipeline} lead
     * to it.
     *
     * @param messages is told of checkpoints passed over
     * @throws UserException when there are checkpoints and none of them is whole: starting afresh is the user's decision
     */
    public Optional<Checkpoint> startingPoint(Consumer<String> messages) {
        try {
            Optional<Checkpoint> newest = checkpoints.newestValid(messages);
            if (newest.isPresent()) {
                checkpoints.linkTo(newest.get());
            } else if (!checkpoints.isEmpty()) {
                throw new UserException(location()
                        + ": none of its checkpoints is whole; restore one, or remove the folder to start afresh");
            }
            return newest;
        } catch (IOException e) {
            throw new UserException(location() + ": cannot be written (" + UserException.reason(e) + ")", e);
        }
    }

    @Override
    public synchronized void close() {
        try (lock) {
            if (ledger != null) {
                ledger.close();
            }
        } catch (IOException e) {
            throw new UserException(path + ": its lock cannot be released (" + UserException.reason(e) + ")", e);
        } finally {
            HELD.remove(held);
        }
    }
}
