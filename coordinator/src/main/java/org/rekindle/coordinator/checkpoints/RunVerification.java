package org.rekindle.coordinator.checkpoints;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import org.rekindle.coordinator.ledger.LedgerAudit;
import org.rekindle.data.UserException;
import org.rekindle.data.stores.StoreOptions;

/**
 * What {@code verify run=DIR}, or {@code run=s3://...}, finds: the ledger held to its promise (see {@link LedgerAudit}), every checkpoint compared with its manifest,
 * byte by byte, and with the ledger, and the link {@code current_pipeline}.
 *
 * @param lines the report: a line per checkpoint, a table of the run, a line per fault of the ledger
 * @param holds whether all is well
 */
public record RunVerification(List<String> lines, boolean holds) {

    /**
     * A checkpoint as it was found.
     *
     * @param state empty where it is damaged, or was removed meanwhile
     * @param problem what is wrong with it; empty where it is whole
     * @param size what it consists of
     */
    private record Found(String name, Optional<TrainerState> state, String problem, String size) {

        Found with(String otherProblem) {
            return new Found(name, state, otherProblem, size);
        }

        String line() {
            return name + ": " + (problem.isEmpty() ? size : problem);
        }
    }

    /**
     * Reads and changes nothing; the run may be going on.
     *
     * @param run a run folder, {@code log_dir/name}, or {@code s3://bucket/prefix/name}
     * @throws UserException when it is none
     */
    public static RunVerification of(String run) {
        return of(run, StoreOptions.DEFAULT);
    }

    /** @param options how a bucket is reached */
    static RunVerification of(String run, StoreOptions options) {
        try {
            return run.startsWith("s3://") ? ofBucket(run, options) : ofFolder(Path.of(run));
        } catch (IOException e) {
            throw new UserException("run=" + run + ": cannot be read (" + e.getMessage() + ")", e);
        }
    }

    private static RunVerification ofFolder(Path run) throws IOException {
        CheckpointFolder checkpoints = CheckpointFolder.open(run, null);
        // before the ledger, which a run that goes on makes longer
        List<Found> found = new ArrayList<>();
        for (Path folder : checkpoints.newestFirst()) {
            String problem = CheckpointFolder.problem(folder).orElse("");
            if (Files.isDirectory(folder)) { // not removed meanwhile
                Optional<TrainerState> state = problem.isEmpty() ? state(folder) : Optional.empty();
                found.add(new Found(folder.getFileName().toString(), state, problem, size(folder)));
            }
        }
        requireSome(found, run.toString());
        List<String> leftovers = checkpoints.leftovers().stream()
                .map(path -> path.getFileName().toString())
                .toList();
        return of(found, leftovers, linkProblem(checkpoints.link()), run.resolve("ledger.jsonl"));
    }

    private static RunVerification ofBucket(String run, StoreOptions options) throws IOException {
        Path copies = Files.createTempDirectory("rekindle-verify");
        try {
            RunBucket bucket = RunBucket.of(run, options, copies, null);
            CheckpointBucket checkpoints = bucket.checkpoints();
            List<Found> found = new ArrayList<>();
            for (StoredCheckpoint stored : checkpoints.newestFirst()) {
                found(checkpoints, stored).ifPresent(found::add);
            }
            requireSome(found, run);
            Path ledger = copies.resolve("ledger.jsonl");
            bucket.fetchLedger(ledger);
            return of(found, checkpoints.leftovers(), checkpoints.linkProblem(), ledger);
        } finally {
            DurableFiles.delete(copies);
        }
    }

    /** Empty where retention has removed it meanwhile. */
    private static Optional<Found> found(CheckpointBucket checkpoints, StoredCheckpoint stored) throws IOException {
        try {
            String problem = stored.problem().orElse("");
            Optional<TrainerState> state = problem.isEmpty() ? stored.state() : Optional.empty();
            String size = problem.isEmpty()
                    ? stored.manifest().map(RunVerification::size).orElse("gone meanwhile")
                    : "";
            return checkpoints.isNamed(stored)
                    ? Optional.of(new Found(stored.folder(), state, problem, size))
                    : Optional.empty();
        } catch (IOException e) {
            if (checkpoints.isNamed(stored)) {
                throw e;
            }
            return Optional.empty();
        }
    }

    private static void requireSome(List<Found> found, String run) {
        if (found.isEmpty()) {
            throw new UserException(
                    "run=" + run + ": no checkpoint in it; give a run folder, experiment.log_dir/experiment.name");
        }
    }

    private static RunVerification of(
            List<Found> found, Collection<String> leftovers, Optional<String> linkProblem, Path ledgerFile) {
        List<TrainerState> states =
                found.stream().flatMap(each -> each.state().stream()).toList();
        LedgerAudit ledger = LedgerAudit.of(
                ledgerFile,
                states.isEmpty() ? 0 : states.get(0).lanes(),
                states.stream().collect(Collectors.toMap(TrainerState::step, TrainerState::cursors)));
        List<Found> compared = found.stream()
                .map(each -> each.state()
                        .flatMap(state -> difference(state, ledger, states))
                        .map(each::with)
                        .orElse(each))
                .toList();

        List<String> lines = new ArrayList<>();
        compared.forEach(each -> lines.add(each.line()));
        leftovers.forEach(leftover -> lines.add(leftover + ": not committed; the next start removes it"));
        lines.add("current_pipeline: " + linkProblem.orElse("leads to a committed checkpoint"));
        List<String> problems = compared.stream().map(Found::problem).toList();
        lines.addAll(table(ledger, states, problems));
        ledger.unfinished().ifPresent(lines::add);
        lines.addAll(ledger.faults());
        boolean holds =
                problems.stream().allMatch(String::isEmpty) && linkProblem.isEmpty() && ledger.faultCount() == 0;
        return new RunVerification(List.copyOf(lines), holds);
    }

    /** Empty where the run has removed the checkpoint meanwhile. */
    private static Optional<TrainerState> state(Path folder) {
        try {
            return Optional.of(CheckpointFolder.read(folder).state());
        } catch (UserException e) {
            return Optional.empty();
        }
    }

    private static Optional<String> difference(TrainerState state, LedgerAudit ledger, List<TrainerState> all) {
        Optional<String> difference = ledger.difference(state.step());
        long examples = state.step() * state.lanes() * batchSize(all);
        return difference.isEmpty() && state.examplesSeen() != examples
                ? Optional.of("%s counts %d examples seen, its steps have %d"
                        .formatted(TrainerState.NAME, state.examplesSeen(), examples))
                : difference.map(found -> "does not match ledger.jsonl: " + found);
    }

    /** Examples per lane and step; 0 before the first checkpoint with a step. */
    private static long batchSize(List<TrainerState> newestFirst) {
        TrainerState newest = newestFirst.isEmpty() ? null : newestFirst.get(0);
        return newest == null || newest.step() == 0 ? 0 : newest.examplesSeen() / (newest.step() * newest.lanes());
    }

    private static String size(Path folder) {
        try {
            return size(Manifest.read(folder));
        } catch (IOException e) {
            return "gone meanwhile";
        }
    }

    private static String size(Manifest manifest) {
        long bytes = manifest.files().values().stream()
                .mapToLong(Manifest.Entry::size)
                .sum();
        return String.format(
                Locale.ROOT, "whole (%d files, %,d bytes)", manifest.files().size(), bytes);
    }

    private static Optional<String> linkProblem(Path link) {
        if (!Files.exists(link, LinkOption.NOFOLLOW_LINKS)) {
            return Optional.of("is missing");
        } else if (!Files.isDirectory(link)) {
            return Optional.of("leads nowhere");
        }
        return Optional.empty();
    }

    private static List<String> table(LedgerAudit ledger, List<TrainerState> states, Collection<String> problems) {
        long whole = problems.stream().filter(String::isEmpty).count();
        return List.of(
                row("steps", number(ledger.steps())),
                row("examples", examples(ledger, batchSize(states))),
                row("generations", number(ledger.generations())),
                row("takeovers", number(ledger.takeovers())),
                row("rollbacks", ledger.rollbacks()),
                row("skipped", ledger.skipped()),
                row("checkpoints", whole + " whole, " + (problems.size() - whole) + " damaged"),
                row(
                        "ledger",
                        ledger.faultCount() == 0
                                ? "gapless, nothing twice"
                                : "does not hold: " + number(ledger.faultCount()) + " faults"));
    }

    private static String examples(LedgerAudit ledger, long batchSize) {
        return batchSize == 0
                ? "counted from the first checkpoint on"
                : "%s, of %d lanes with %d a step"
                        .formatted(number(ledger.steps() * ledger.lanes() * batchSize), ledger.lanes(), batchSize);
    }

    private static String row(String name, String value) {
        return "%-13s%s".formatted(name, value);
    }

    private static String number(long number) {
        return String.format(Locale.ROOT, "%,d", number);
    }
}
