package org.rekindle.coordinator.checkpoints;

import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.rekindle.data.UserException;
import org.rekindle.data.stores.Bucket;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Checkpoints in a bucket. One is written and closed with its manifest in a local folder, its objects are uploaded under a name that nobody
 * else uses, and it is committed when {@link CheckpointIndex} names it; retention takes the name out first and removes the objects
 * then. So what the index names always was whole, whatever its writer was killed at, and a writer that was left behind changes none of it.
 *
 * <p>Threads: any; commits of one process run one at a time. Any number of processes may commit: the fence decides.
 */
final class CheckpointBucket implements Checkpoints {

    private static final Logger LOG = LoggerFactory.getLogger(CheckpointBucket.class);

    /** The newest one, and the one before it while its pictures are drawn. */
    private static final int KEPT_LOCALLY = 2;

    private static final String LINK = "current_pipeline";

    private final Bucket run;
    private final Bucket bucket;
    private final Integer keep;
    private final Path folder;
    private final CheckpointFolder local;
    private volatile StoredCheckpoint whole; // that this process wrote, or fetched and checked

    /**
     * Touches nothing yet.
     *
     * @param run what is kept of a run
     * @param folder local copies are in it
     * @param keep checkpoints to keep, at least 1; null keeps all
     */
    CheckpointBucket(Bucket run, Path folder, Integer keep) {
        this.run = run;
        this.bucket = run.in("checkpoints");
        this.folder = folder;
        this.keep = keep;
        this.local = CheckpointFolder.ofCopies(folder, KEPT_LOCALLY);
    }

    @Override
    public synchronized Checkpoint commit(TrainerState state, long generation, Consumer<Path> writer) {
        StoredCheckpoint stored = null;
        try {
            CheckpointIndex index = CheckpointIndex.read(bucket);
            index.pass(run.location(), generation);
            Optional<StoredCheckpoint> there = find(index, state.step());
            if (there.isPresent() && holds(there.get(), state)) {
                return fetch(there.get());
            }
            Checkpoint written = alone(() -> {
                local.discard(state.step()); // what was there was never committed, or by others
                return local.commit(state, generation, writer);
            });
            stored = new StoredCheckpoint(bucket, state.step(), StoredCheckpoint.newFolder(state.step(), generation));
            stored.upload(written.folder(), Optional.ofNullable(whole).filter(one -> index.names(one.folder())));
            name(stored, generation);
            whole = stored;
            run.write(LINK, link(stored));
            retain(stored);
            return written;
        } catch (IOException e) {
            throw abandoned(stored, generation, unwritable(state.step(), e));
        } catch (RuntimeException e) {
            throw abandoned(stored, generation, e);
        }
    }

    /** A checkpoint that was passed over as damaged may be of the same state. */
    private boolean holds(StoredCheckpoint there, TrainerState state) throws IOException {
        return there.problemOfSizes().isEmpty()
                && there.state().equals(Optional.of(state))
                && (there.equals(whole) || fetchWhole(there).isEmpty());
    }

    private void name(StoredCheckpoint stored, long generation) throws IOException {
        Set<StoredCheckpoint> replaced = new LinkedHashSet<>();
        CheckpointIndex.change(bucket, index -> {
            index.pass(run.location(), generation);
            find(index, stored.step()).ifPresent(replaced::add);
            return index.with(stored.step(), stored.folder());
        });
        replaced.remove(stored); // this change took place before, and nobody heard of it
        replaced.forEach(this::remove);
    }

    /** Removes what is not committed, as far as the store can be reached; who was left behind is told so, whatever failed first. */
    private RuntimeException abandoned(StoredCheckpoint stored, long generation, RuntimeException error) {
        try {
            CheckpointIndex index = CheckpointIndex.read(bucket);
            if (stored != null && !index.names(stored.folder())) {
                stored.remove();
            }
            index.pass(run.location(), generation);
        } catch (IOException e) {
            error.addSuppressed(e);
        } catch (FencedException e) {
            return e;
        }
        return error;
    }

    private UserException unwritable(long step, IOException e) {
        return new UserException(
                location(step) + ": the checkpoint cannot be written (" + UserException.reason(e)
                        + "); checkpoints before it are intact; " + advice(e),
                e);
    }

    private UserException unreadable(IOException e) {
        return new UserException(
                bucket.location() + ": cannot be read (" + UserException.reason(e) + "); " + advice(e), e);
    }

    private String advice(IOException e) {
        boolean isHere = e instanceof FileSystemException
                || String.valueOf(e.getMessage()).contains("No space left");
        return isHere
                ? folder + " is full or cannot be written: let REKINDLE_SCRATCH name another folder"
                : "check experiment.log_dir";
    }

    /**
     * Takes what {@code keep} does not keep out of the index, and removes it. Damaged ones do not count. Later steps of this generation
     * or newer ones are not this writer's to judge.
     *
     * @throws FencedException when the run went on without its generation: it removes nothing then
     */
    private void retain(StoredCheckpoint newest) {
        if (keep == null) {
            return;
        }
        try {
            CheckpointIndex now = CheckpointIndex.read(bucket);
            now.pass(run.location(), newest.generation());
            List<StoredCheckpoint> others = newestFirst(now);
            others.removeIf(other -> other.step() == newest.step()
                    || other.step() > newest.step() && other.generation() >= newest.generation());
            List<StoredCheckpoint> kept = new ArrayList<>();
            for (StoredCheckpoint other : others) {
                if (kept.size() < keep - 1
                        && other.step() < newest.step()
                        && other.problemOfSizes().isEmpty()) {
                    kept.add(other);
                }
            }
            others.removeAll(kept);
            List<String> folders = others.stream().map(StoredCheckpoint::folder).toList();
            CheckpointIndex.change(bucket, index -> {
                index.pass(run.location(), newest.generation());
                return index.without(folders);
            });
            others.forEach(this::remove);
        } catch (IOException e) {
            warn(e);
        }
    }

    private void remove(StoredCheckpoint old) {
        try {
            old.remove();
        } catch (IOException e) {
            warn(e);
        }
    }

    private void warn(IOException e) {
        LOG.warn(
                "{}: an old checkpoint could not be removed ({}); the next start tries again",
                bucket.location(),
                e.getMessage());
    }

    @Override
    public void fence(long generation) {
        change(index -> index.raised(generation));
    }

    @Override
    public long fence() {
        return index().fence();
    }

    @Override
    public void beginLineage(long generation) {
        change(index -> index.inLineage(generation));
    }

    @Override
    public long lineage() {
        return index().lineage();
    }

    private CheckpointIndex index() {
        try {
            return CheckpointIndex.read(bucket);
        } catch (IOException e) {
            throw unreadable(e);
        }
    }

    private void change(UnaryOperator<CheckpointIndex> change) {
        try {
            CheckpointIndex.change(bucket, change);
        } catch (IOException e) {
            throw new UserException(
                    bucket.location() + ": cannot be written (" + UserException.reason(e)
                            + "); check experiment.log_dir",
                    e);
        }
    }

    /** The index knows the rest of its name. */
    @Override
    public String location(long step) {
        return bucket.location(CheckpointFolder.name(step));
    }

    @Override
    public Checkpoint read(String location) {
        try {
            return fetch(find(CheckpointIndex.read(bucket), step(location)).orElseThrow(() -> absent(location)));
        } catch (IOException e) {
            throw unreadable(e);
        }
    }

    @Override
    public Checkpoint readOrNewest(String location) {
        try {
            while (true) {
                CheckpointIndex index = CheckpointIndex.read(bucket);
                StoredCheckpoint there = find(index, step(location))
                        .or(() -> newestFirst(index).stream().findFirst())
                        .orElseThrow(() -> absent(location));
                try {
                    return fetch(there);
                } catch (IOException | UserException e) {
                    if (isNamed(there)) { // else it was removed meanwhile
                        throw e;
                    }
                }
            }
        } catch (IOException e) {
            throw unreadable(e);
        }
    }

    private static long step(String location) {
        return CheckpointFolder.stepOfName(location.substring(location.lastIndexOf('/') + 1));
    }

    private static UserException absent(String location) {
        return new UserException(
                location + ": is not among the checkpoints of the run; experiment.log_dir must be that of all nodes");
    }

    /** Whether a checkpoint is committed, and not yet removed. */
    boolean isNamed(StoredCheckpoint stored) throws IOException {
        return CheckpointIndex.read(bucket).names(stored.folder());
    }

    @Override
    public TrainerState newestIntact() {
        try {
            for (StoredCheckpoint each : newestFirst()) {
                Optional<TrainerState> state = each.problemOfSizes().isEmpty() ? each.state() : Optional.empty();
                if (state.isPresent()) {
                    return state.get();
                }
            }
        } catch (IOException e) {
            throw unreadable(e);
        }
        throw new UserException(bucket.location() + ": no whole checkpoint is there; restore one, or start afresh");
    }

    @Override
    public Optional<Checkpoint> newestValid(Consumer<String> passedOver) {
        try {
            for (StoredCheckpoint each : newestFirst()) {
                Optional<String> problem = each.problemOfSizes();
                if (problem.isEmpty()) {
                    problem = fetchWhole(each);
                }
                if (problem.isEmpty()) {
                    return Optional.of(CheckpointFolder.read(local.folder(each.step())));
                }
                passedOver.accept("passing over checkpoint " + each.location() + ": " + problem.get());
            }
            return Optional.empty();
        } catch (IOException e) {
            throw unreadable(e);
        }
    }

    /** The local copy of a checkpoint, fetched where it is not there yet. */
    private Checkpoint fetch(StoredCheckpoint stored) throws IOException {
        return alone(() -> {
            Optional<String> problem = isCopied(stored) ? Optional.empty() : download(stored);
            if (problem.isPresent()) {
                throw new UserException(stored.location() + ": " + problem.get());
            }
            return CheckpointFolder.read(local.folder(stored.step()));
        });
    }

    /**
     * Fetches a checkpoint where its local copy is not whole.
     *
     * @return what is wrong with it; empty when the copy is whole now
     */
    private Optional<String> fetchWhole(StoredCheckpoint stored) throws IOException {
        return alone(() -> isCopied(stored)
                        && CheckpointFolder.problem(local.folder(stored.step())).isEmpty()
                ? Optional.empty()
                : download(stored));
    }

    private Optional<String> download(StoredCheckpoint stored) throws IOException {
        TemporaryFolder fetching = TemporaryFolder.in(folder);
        try {
            stored.download(fetching.path());
            Optional<String> problem = CheckpointFolder.problem(fetching.path(), stored.step());
            if (problem.isEmpty()) {
                local.adopt(fetching.path(), stored.step());
                whole = stored;
            }
            return problem;
        } finally {
            fetching.close();
        }
    }

    private boolean isCopied(StoredCheckpoint stored) throws IOException {
        Path copy = local.folder(stored.step());
        return Manifest.problemOfSizes(copy).isEmpty() && stored.manifest().equals(Optional.of(Manifest.read(copy)));
    }

    /** Processes of one machine share the copies. */
    private <T> T alone(FileLocked.Action<T> action) throws IOException {
        Files.createDirectories(folder);
        return FileLocked.run(folder.resolve("copies.lock"), action);
    }

    @Override
    public boolean isEmpty() throws IOException {
        return CheckpointIndex.read(bucket).checkpoints().isEmpty();
    }

    /**
     * Raises the fence for a process that begins to lead, and removes what writers whom it keeps out left unfinished. What is not there yet
     * when the fence rises may be a newer one's.
     *
     * @param newest a generation that the run has had
     * @return the new fence: newer than that and than all before
     */
    long claim(long newest) throws IOException {
        List<Bucket.Entry> before = bucket.list("");
        CheckpointIndex index = CheckpointIndex.change(bucket, now -> now.raised(Math.max(newest, now.fence()) + 1));
        bucket.delete(before.stream()
                .map(Bucket.Entry::key)
                .filter(key -> isLeftover(index, key))
                .filter(key -> StoredCheckpoint.generation(firstPart(key)) < index.fence())
                .toList());
        alone(() -> {
            local.removeLeftovers();
            TemporaryFolder.removeLeftovers(folder);
            return null;
        });
        return index.fence();
    }

    /** First parts of keys that no commit has named: what writers or removals that were killed have left. */
    Collection<String> leftovers() throws IOException {
        CheckpointIndex index = CheckpointIndex.read(bucket);
        Set<String> leftovers = new LinkedHashSet<>();
        bucket.list("").stream()
                .map(Bucket.Entry::key)
                .filter(key -> isLeftover(index, key))
                .forEach(key -> leftovers.add(firstPart(key)));
        return leftovers;
    }

    private static boolean isLeftover(CheckpointIndex index, String key) {
        return !key.equals(CheckpointIndex.NAME) && !index.names(firstPart(key));
    }

    private static String firstPart(String key) {
        return key.replaceAll("/.*", "");
    }

    @Override
    public void linkTo(Checkpoint checkpoint) throws IOException {
        local.linkTo(checkpoint);
        Optional<StoredCheckpoint> stored = find(CheckpointIndex.read(bucket), checkpoint.step());
        if (stored.isPresent()) {
            run.write(LINK, link(stored.get()));
        }
    }

    private static String link(StoredCheckpoint stored) {
        return "checkpoints/" + stored.folder() + "/pipeline\n";
    }

    /** What is wrong with the link; empty when it leads to a committed checkpoint. */
    Optional<String> linkProblem() throws IOException {
        Optional<Bucket.Content> link = run.read(LINK);
        if (link.isEmpty()) {
            return Optional.of("is missing");
        }
        boolean leads = newestFirst().stream()
                .anyMatch(stored -> link(stored).equals(link.get().text()));
        return leads ? Optional.empty() : Optional.of("leads nowhere");
    }

    /** All checkpoints, valid or not. */
    List<StoredCheckpoint> newestFirst() throws IOException {
        return newestFirst(CheckpointIndex.read(bucket));
    }

    private List<StoredCheckpoint> newestFirst(CheckpointIndex index) {
        List<StoredCheckpoint> found = new ArrayList<>();
        for (Map.Entry<Long, String> each : index.checkpoints().descendingMap().entrySet()) {
            found.add(new StoredCheckpoint(bucket, each.getKey(), each.getValue()));
        }
        return found;
    }

    private Optional<StoredCheckpoint> find(CheckpointIndex index, long step) {
        return Optional.ofNullable(index.checkpoints().get(step)).map(name -> new StoredCheckpoint(bucket, step, name));
    }
}
