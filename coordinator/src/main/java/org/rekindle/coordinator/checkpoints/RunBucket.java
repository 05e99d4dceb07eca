package org.rekindle.coordinator.checkpoints;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.rekindle.coordinator.config.RunConfig;
import org.rekindle.coordinator.ledger.Ledger;
import org.rekindle.data.UserException;
import org.rekindle.data.stores.Bucket;
import org.rekindle.data.stores.StoreOptions;
import org.rekindle.data.stores.Stores;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What is kept of a run in a bucket, {@code s3://bucket/prefix/name}. Its local folder is a working copy that may be lost at any time.
 * There is no lock: who opens the ledger is the one that appends to it, and the fence of the checkpoints follows.
 *
 * <p>Threads: any.
 */
public final class RunBucket {

    private static final Logger LOG = LoggerFactory.getLogger(RunBucket.class);

    private static final String NODES = "nodes";

    /** Files that the node that leads appends to. */
    private static final List<String> OF_THE_LEADER = List.of("metrics.jsonl", "goodput.jsonl");

    /** Files and folders that a run leaves beside its checkpoints, on each of its nodes. */
    private static final List<String> OF_ANY_NODE = List.of("logs", "samples");

    private static final String LOGS = "logs/";

    /** Logs of several machines and starts have the same names. */
    private static final String SESSION = session();

    private final Bucket bucket;
    private final Bucket needed; // the same, for what the run cannot go on without
    private final Path folder;
    private final CheckpointBucket checkpoints;
    private final Map<Path, String> uploaded = new HashMap<>();

    private RunBucket(Bucket bucket, Path folder, Integer keep) {
        this.bucket = bucket;
        this.needed = bucket.throughOutages();
        this.folder = folder;
        this.checkpoints = new CheckpointBucket(needed, folder, keep);
    }

    private static String session() {
        ProcessHandle process = ProcessHandle.current();
        Instant start = process.info().startInstant().orElse(Instant.now()).truncatedTo(ChronoUnit.SECONDS);
        return start.toString().replace(":", "") + "-" + RunFolder.host().replaceAll("[^\\w.-]", "_") + "-"
                + process.pid() + "/";
    }

    /** Asks nobody yet; empty where {@code experiment.log_dir} is a folder. */
    public static Optional<RunBucket> of(RunConfig config) {
        return config.experiment().isInBucket()
                ? Optional.of(of(
                        config.experiment().location(),
                        config.dataset().params().s3(),
                        config.experiment().folder(),
                        config.experiment().keepCheckpoints()))
                : Optional.empty();
    }

    static RunBucket of(String location, StoreOptions options, Path folder, Integer keep) {
        return new RunBucket(Stores.of(options).bucket(location), folder, keep);
    }

    String location() {
        return bucket.location();
    }

    /** Whether there are no checkpoints; does not wait long for the answer. */
    boolean isNew() throws IOException {
        return new CheckpointBucket(bucket, folder, null).isEmpty();
    }

    CheckpointBucket checkpoints() {
        return checkpoints;
    }

    /** Becomes the one that appends; who opened it before cannot any more. */
    Ledger ledger(Path copy) {
        return Ledger.open(needed.in("ledger"), copy);
    }

    void fetchLedger(Path copy) throws IOException {
        Ledger.fetch(bucket.in("ledger"), copy);
    }

    /**
     * Makes this process the one that leads the run: nobody who led it before adds anything any more, and what they left unfinished is
     * removed.
     *
     * @param ledger opened by this process
     * @return the generation that it writes checkpoints of, until workers form another
     */
    long claim(Ledger ledger) throws IOException {
        return checkpoints.claim(ledger.tail().generation());
    }

    /** @throws IOException when two processes could not be kept apart there */
    void requireConditions() throws IOException {
        bucket.requireConditions();
    }

    /** A failure is told in the log and ends nothing: the run goes on for those who are in it. */
    void keepNodes(String lines) {
        try {
            bucket.write(NODES, lines);
        } catch (IOException e) {
            LOG.warn("{}: cannot be written ({})", bucket.location(NODES), e.getMessage());
        }
    }

    List<String> nodes() {
        try {
            return bucket.read(NODES)
                    .map(content -> content.text().lines().toList())
                    .orElse(List.of());
        } catch (IOException e) {
            throw new UserException(
                    location() + ": cannot be read (" + e.getMessage() + "); check experiment.log_dir", e);
        }
    }

    void keepConfiguration(String yaml) throws IOException {
        bucket.write("config.yaml", yaml);
    }

    /** The metrics so far, which whoever leads appends to. This machine's are kept where they only are further on. */
    void fetchMetrics() throws IOException {
        try (TemporaryFolder fetched = TemporaryFolder.in(folder)) {
            for (String name : OF_THE_LEADER) {
                Path file = folder.resolve(name);
                Path stored = Files.createFile(fetched.path().resolve(name));
                for (Bucket.Entry entry : bucket.list(name)) {
                    bucket.download(Map.of(name, stored), Map.of(name, entry.size()));
                }
                if (!Files.exists(file) || !begins(file, stored)) {
                    Files.move(stored, file, StandardCopyOption.REPLACE_EXISTING);
                }
            }
        }
    }

    private static boolean begins(Path file, Path beginning) throws IOException {
        long mismatch = Files.mismatch(file, beginning);
        return mismatch < 0 || mismatch == Files.size(beginning);
    }

    /** Uploads the metrics, for the node that leads. A failure is told in the log and ends nothing. */
    public void uploadMetrics() {
        upload(OF_THE_LEADER);
    }

    /** Uploads logs and pictures of this node. A failure is told in the log and ends nothing. */
    public void uploadLogs() {
        upload(OF_ANY_NODE);
    }

    private synchronized void upload(List<String> names) {
        try {
            Map<String, Path> changed = new HashMap<>();
            Map<Path, String> versions = new HashMap<>();
            for (String name : names) {
                for (Path file : filesIn(folder.resolve(name))) {
                    String version = Files.size(file) + " " + Files.getLastModifiedTime(file);
                    if (!version.equals(uploaded.get(file))) {
                        changed.put(key(file), file);
                        versions.put(file, version);
                    }
                }
            }
            send(changed);
            uploaded.putAll(versions);
        } catch (IOException | UncheckedIOException e) {
            LOG.warn("{}: {} could not be uploaded ({})", location(), String.join(" and ", names), e.getMessage());
        }
    }

    private String key(Path file) {
        String name = folder.relativize(file).toString().replace('\\', '/');
        return name.startsWith(LOGS) ? LOGS + SESSION + name.substring(LOGS.length()) : name;
    }

    /** Files that grow while they are sent are refused, so copies of them are. */
    private void send(Map<String, Path> files) throws IOException {
        try (TemporaryFolder copies = TemporaryFolder.in(folder)) {
            Map<String, Path> copied = new HashMap<>();
            for (Map.Entry<String, Path> file : files.entrySet()) {
                Path copy = copies.path().resolve(String.valueOf(copied.size()));
                copied.put(file.getKey(), Files.copy(file.getValue(), copy));
            }
            bucket.upload(copied);
        }
    }

    private static List<Path> filesIn(Path path) throws IOException {
        if (!Files.exists(path)) {
            return List.of();
        }
        try (Stream<Path> tree = Files.walk(path)) {
            return tree.filter(Files::isRegularFile).toList();
        }
    }
}
