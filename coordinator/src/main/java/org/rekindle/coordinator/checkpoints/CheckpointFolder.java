package org.rekindle.coordinator.checkpoints;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.rekindle.data.UserException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The folder {@code checkpoints} of a run folder, and the link {@code current_pipeline} beside it.
 *
 * <p>A checkpoint is written to {@code step_XXXXXXXX.gN.partial}, where N is the writer's generation, forced to disk, closed with its
 * manifest, renamed to {@code step_XXXXXXXX}, and only then linked to. Removal goes the other way round: renamed first, deleted then. So a
 * name without {@code .partial} always was a whole checkpoint, whatever the process was killed at; only a disk can damage it, which the
 * manifest shows.
 *
 * <p>Threads: any; commits run one at a time. One process at a time may commit: the fence rises before another one begins to write, and who
 * was left behind it, as a process that was frozen, neither commits nor removes anything but its own partial files.
 */
public final class CheckpointFolder implements Checkpoints {

    private static final Logger LOG = LoggerFactory.getLogger(CheckpointFolder.class);
    private static final Pattern NAME = Pattern.compile("step_([0-9]{8,18})");
    private static final Pattern GENERATION = Pattern.compile(".*\\.g([0-9]{1,18})\\.partial");

    private final Path folder;
    private final Path link;
    private final Fence fence;
    private final Fence lineage;
    private final Integer keep;
    private final String advice; // for who has no space

    private CheckpointFolder(Path runFolder, Integer keep, String advice) {
        this.folder = runFolder.resolve("checkpoints");
        this.link = runFolder.resolve("current_pipeline");
        this.fence = new Fence(runFolder.resolve("fence"));
        this.lineage = new Fence(runFolder.resolve("lineage"));
        this.keep = keep;
        this.advice = advice;
    }

    /**
     * Touches nothing yet.
     *
     * @param runFolder {@code log_dir/name}
     * @param keep checkpoints to keep, at least 1; null keeps all
     */
    public static CheckpointFolder open(Path runFolder, Integer keep) {
        return new CheckpointFolder(runFolder, keep, "choose another experiment.log_dir");
    }

    /** The same for copies of what is kept elsewhere. */
    static CheckpointFolder ofCopies(Path runFolder, int keep) {
        return new CheckpointFolder(runFolder, keep, "let REKINDLE_SCRATCH name another folder");
    }

    @Override
    public synchronized Checkpoint commit(TrainerState state, long generation, Consumer<Path> writer) {
        Checkpoint checkpoint = new Checkpoint(folder(state.step()), state);
        if (isCommitted(checkpoint)) {
            return checkpoint;
        }
        Path partial = partial(checkpoint.folder(), generation);
        Path nextLink = partial(folder.resolve(link.getFileName()), generation);
        try {
            fence.pass(generation);
            Files.createDirectories(folder);
            DurableFiles.delete(partial);
            Files.createDirectory(partial);
            writer.accept(partial);
            seal(partial, state);
            prepareLink(checkpoint, nextLink);
            fence.pass(generation, () -> {
                moveAside(checkpoint.folder());
                DurableFiles.rename(partial, checkpoint.folder());
                DurableFiles.rename(nextLink, link);
            });
        } catch (IOException e) {
            throw abandoned(generation, unwritable(checkpoint, e), partial, nextLink);
        } catch (UncheckedIOException e) {
            throw abandoned(generation, unwritable(checkpoint, e.getCause()), partial, nextLink);
        } catch (RuntimeException e) {
            throw abandoned(generation, e, partial, nextLink);
        } catch (Error e) {
            delete(e, partial, nextLink);
            throw e;
        }
        retain(checkpoint, generation);
        return checkpoint;
    }

    private static Path partial(Path path, long generation) {
        return DurableFiles.partial(path.resolveSibling(path.getFileName() + ".g" + generation));
    }

    private static boolean isCommitted(Checkpoint checkpoint) {
        try {
            return problem(checkpoint.folder()).isEmpty()
                    && state(checkpoint.folder()).equals(checkpoint.state());
        } catch (IOException e) {
            return false;
        }
    }

    private void seal(Path partial, TrainerState state) throws IOException {
        Files.writeString(partial.resolve(TrainerState.NAME), CheckpointJson.text(state));
        Manifest manifest = Manifest.of(partial, newestBefore(state.step()));
        DurableFiles.forceTree(partial);
        manifest.write(partial);
        DurableFiles.force(partial);
    }

    @Override
    public void fence(long generation) {
        fence.raise(generation);
    }

    @Override
    public long fence() {
        return fence.height();
    }

    @Override
    public void beginLineage(long generation) {
        lineage.raise(generation);
        fence.raise(generation);
    }

    @Override
    public long lineage() {
        return lineage.height();
    }

    /** Where the checkpoint of a step is, or would be. */
    Path folder(long step) {
        return folder.resolve(name(step));
    }

    static String name(long step) {
        return String.format(Locale.ROOT, "step_%08d", step);
    }

    /** Removes the checkpoint of a step, if there is one. */
    void discard(long step) throws IOException {
        moveAside(folder(step));
        removeLeftovers();
    }

    /**
     * Takes a whole checkpoint in that was written elsewhere on the same disk. Of those before it {@code keep} says how many stay.
     *
     * @param checkpoint is moved
     */
    void adopt(Path checkpoint, long step) throws IOException {
        Files.createDirectories(folder);
        DurableFiles.forceTree(checkpoint);
        discard(step);
        DurableFiles.rename(checkpoint, folder(step));
        linkTo(new Checkpoint(folder(step), null)); // where those who load it find its frozen parts once it is removed
        if (keep != null) {
            List<Path> before =
                    newestFirst().stream().filter(path -> stepOf(path) < step).toList();
            for (Path old : before.subList(Math.min(keep - 1, before.size()), before.size())) {
                setAside(old, DurableFiles.partial(old));
            }
            removeLeftovers();
        }
    }

    @Override
    public String location(long step) {
        return folder(step).toAbsolutePath().toString();
    }

    @Override
    public TrainerState newestIntact() {
        try {
            List<Path> listed;
            do {
                listed = newestFirst();
                for (Path path : listed) {
                    Optional<TrainerState> state = intact(path);
                    if (state.isPresent()) {
                        return state.get();
                    }
                }
            } while (!listed.stream().allMatch(Files::isDirectory)); // one was removed meanwhile, for a newer one
        } catch (IOException e) {
            throw new UserException(folder + ": cannot be read (" + UserException.reason(e) + ")", e);
        }
        throw new UserException(folder + ": no whole checkpoint is there; restore one, or start afresh");
    }

    /** The state of a checkpoint whose files have their sizes. */
    private static Optional<TrainerState> intact(Path checkpoint) throws IOException {
        try {
            return Manifest.problemOfSizes(checkpoint).isEmpty() ? Optional.of(state(checkpoint)) : Optional.empty();
        } catch (NoSuchFileException e) {
            LOG.info("{} was removed meanwhile", checkpoint);
            return Optional.empty();
        }
    }

    /** The checkpoint that hard links may lead to. Sizes are check enough: its manifest's hashes are taken over, not its bytes. */
    private Optional<Checkpoint> newestBefore(long step) throws IOException {
        return newestFirst().stream()
                .filter(path ->
                        stepOf(path) < step && Manifest.problemOfSizes(path).isEmpty())
                .findFirst()
                .map(path -> new Checkpoint(path, null));
    }

    /** Makes the next {@code current_pipeline} under another name, so that a disk too full for it shows before the commit. */
    private void prepareLink(Checkpoint checkpoint, Path next) throws IOException {
        if (Files.exists(link, LinkOption.NOFOLLOW_LINKS) && !Files.isSymbolicLink(link)) {
            throw new UserException(
                    link + " is no link of Rekindle's: move it away, so that it can lead to the newest checkpoint");
        }
        DurableFiles.delete(next);
        Files.createSymbolicLink(next, link.getParent().relativize(checkpoint.pipeline()));
    }

    private static void moveAside(Path checkpoint) throws IOException {
        if (Files.exists(checkpoint, LinkOption.NOFOLLOW_LINKS)) {
            setAside(
                    checkpoint,
                    checkpoint.resolveSibling(checkpoint.getFileName() + ".replaced" + DurableFiles.PARTIAL));
        }
    }

    private static void setAside(Path checkpoint, Path partial) throws IOException {
        DurableFiles.delete(partial);
        DurableFiles.rename(checkpoint, partial);
    }

    /** Who was left behind is told so, whatever failed first: another writer may have taken its files. */
    private RuntimeException abandoned(long generation, RuntimeException error, Path... partials) {
        delete(error, partials);
        try {
            fence.pass(generation);
        } catch (FencedException e) {
            return e;
        } catch (UserException e) {
            error.addSuppressed(e);
        }
        return error;
    }

    private static void delete(Throwable error, Path... partials) {
        for (Path partial : partials) {
            try {
                DurableFiles.delete(partial);
            } catch (IOException e) {
                error.addSuppressed(e);
            }
        }
    }

    private UserException unwritable(Checkpoint checkpoint, IOException e) {
        return new UserException(
                checkpoint.folder() + ": the checkpoint cannot be written (" + e.getMessage()
                        + "); checkpoints before it are intact; free space there or " + advice,
                e);
    }

    /**
     * Removes what {@code keep} does not keep, and what writers of older generations have left. The checkpoint just committed stays, damaged
     * ones do not count. Nothing happens where the run went on without this generation.
     */
    private void retain(Checkpoint newest, long generation) {
        try {
            if (keep != null) {
                fence.pass(generation, () -> moveOld(newest, generation));
            }
            removeLeftovers(generation);
        } catch (FencedException e) {
            LOG.info(e.getMessage());
        } catch (IOException | UncheckedIOException | UserException e) {
            LOG.warn(
                    "{}: an old checkpoint could not be removed ({}); the next start tries again",
                    folder,
                    e.getMessage());
        }
    }

    private void moveOld(Checkpoint newest, long generation) throws IOException {
        List<Path> others = newestFirst();
        others.remove(newest.folder());
        others.removeAll(others.stream()
                .filter(path -> stepOf(path) < newest.step())
                .filter(path -> Manifest.problemOfSizes(path).isEmpty())
                .limit(keep - 1L)
                .toList());
        for (Path old : others) {
            setAside(old, partial(old, generation));
        }
    }

    private void removeLeftovers(long generation) throws IOException {
        for (Path leftover : leftovers()) {
            Matcher matcher = GENERATION.matcher(leftover.getFileName().toString());
            if (!matcher.matches() || Long.parseLong(matcher.group(1)) <= generation) {
                DurableFiles.delete(leftover);
            }
        }
    }

    /** Removes what killed writers left. For the process that holds the folder. */
    void removeLeftovers() throws IOException {
        removeLeftovers(Long.MAX_VALUE);
    }

    /** What writers or removals that were killed have left. */
    List<Path> leftovers() throws IOException {
        List<Path> leftovers = new ArrayList<>();
        for (Path path : entries()) {
            if (path.getFileName().toString().endsWith(DurableFiles.PARTIAL)) {
                leftovers.add(path);
            }
        }
        return leftovers;
    }

    @Override
    public Optional<Checkpoint> newestValid(Consumer<String> passedOver) {
        try {
            for (Path path : newestFirst()) {
                Optional<String> problem = problem(path);
                if (problem.isEmpty()) {
                    return Optional.of(new Checkpoint(path, state(path)));
                }
                passedOver.accept("passing over checkpoint " + path + ": " + problem.get());
            }
            return Optional.empty();
        } catch (IOException e) {
            throw new UserException(folder + ": cannot be read (" + e.getMessage() + ")", e);
        }
    }

    /** What is wrong with a checkpoint; empty when it is whole. */
    static Optional<String> problem(Path checkpoint) {
        return problem(checkpoint, stepOf(checkpoint));
    }

    /** The same of one that may have another name than that of its step. */
    static Optional<String> problem(Path checkpoint, long step) {
        Optional<String> problem = Manifest.problem(checkpoint);
        try {
            return problem.isEmpty() && state(checkpoint).step() != step
                    ? Optional.of(TrainerState.NAME + " is of step "
                            + state(checkpoint).step())
                    : problem;
        } catch (IOException e) {
            return Optional.of(TrainerState.NAME + " cannot be read (" + e.getMessage() + ")");
        }
    }

    @Override
    public boolean isEmpty() throws IOException {
        return newestFirst().isEmpty();
    }

    @Override
    public void linkTo(Checkpoint checkpoint) throws IOException {
        Path next = DurableFiles.partial(folder.resolve(link.getFileName()));
        prepareLink(checkpoint, next);
        DurableFiles.rename(next, link);
    }

    /** All checkpoints, valid or not. */
    List<Path> newestFirst() throws IOException {
        List<Path> checkpoints = new ArrayList<>(entries());
        checkpoints.removeIf(
                path -> !NAME.matcher(path.getFileName().toString()).matches());
        checkpoints.sort(Comparator.comparingLong(CheckpointFolder::stepOf).reversed());
        return checkpoints;
    }

    Path link() {
        return link;
    }

    private List<Path> entries() throws IOException {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> entries = Files.list(folder)) {
            return entries.sorted().toList();
        }
    }

    @Override
    public Checkpoint read(String location) {
        return read(Path.of(location));
    }

    @Override
    public Checkpoint readOrNewest(String location) {
        Path checkpoint = Path.of(location);
        while (true) {
            try {
                return read(checkpoint);
            } catch (UserException e) {
                Path newest = newest(e);
                if (newest.equals(checkpoint) || Files.isDirectory(checkpoint)) {
                    throw e;
                }
                checkpoint = newest;
            }
        }
    }

    private Path newest(UserException orElse) {
        try {
            return newestFirst().stream().findFirst().orElseThrow(() -> orElse);
        } catch (IOException e) {
            throw orElse;
        }
    }

    static Checkpoint read(Path checkpoint) {
        try {
            return new Checkpoint(checkpoint, state(checkpoint));
        } catch (IOException e) {
            throw new UserException(
                    checkpoint + " cannot be read (" + UserException.reason(e)
                            + "): experiment.log_dir must lie on a file system that all nodes share",
                    e);
        }
    }

    private static TrainerState state(Path checkpoint) throws IOException {
        return CheckpointJson.read(checkpoint.resolve(TrainerState.NAME), TrainerState.class);
    }

    private static long stepOf(Path checkpoint) {
        return stepOfName(checkpoint.getFileName().toString());
    }

    /** -1 for what is no checkpoint's name. */
    static long stepOfName(String name) {
        Matcher matcher = NAME.matcher(name);
        return matcher.matches() ? Long.parseLong(matcher.group(1)) : -1;
    }
}
