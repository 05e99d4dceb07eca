package org.rekindle.coordinator.checkpoints;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.rekindle.coordinator.ledger.LedgerAudit;
import org.rekindle.data.UserException;

/**
 * What {@code verify run=DIR} finds: the ledger held to its promise (see {@link LedgerAudit}), every checkpoint compared with its manifest,
 * byte by byte, and with the ledger, and the link {@code current_pipeline}.
 *
 * @param lines the report: a line per checkpoint, a table of the run, a line per fault of the ledger
 * @param holds whether all is well
 */
public record RunVerification(List<String> lines, boolean holds) {

    /**
     * Reads and changes nothing; the run may be going on.
     *
     * @param run a run folder, {@code log_dir/name}
     * @throws UserException when it is none
     */
    public static RunVerification of(Path run) {
        CheckpointFolder checkpoints = CheckpointFolder.open(run, null);
        try {
            // before the ledger, which a run that goes on makes longer
            Map<Path, String> problems = problems(checkpoints);
            if (problems.isEmpty()) {
                throw new UserException(
                        "run=" + run + ": no checkpoint in it; give a run folder, experiment.log_dir/experiment.name");
            }
            List<TrainerState> states = problems.keySet().stream()
                    .filter(folder -> problems.get(folder).isEmpty())
                    .flatMap(folder -> state(folder).stream())
                    .toList();
            LedgerAudit ledger = LedgerAudit.of(
                    run.resolve("ledger.jsonl"),
                    states.isEmpty() ? 0 : states.get(0).lanes(),
                    states.stream().collect(Collectors.toMap(TrainerState::step, TrainerState::cursors)));
            states.forEach(state -> difference(state, ledger, states)
                    .ifPresent(found -> problems.put(checkpoints.folder(state.step()), found)));

            List<String> lines = new ArrayList<>();
            problems.forEach((folder, problem) ->
                    lines.add(folder.getFileName() + ": " + (problem.isEmpty() ? whole(folder) : problem)));
            for (Path leftover : checkpoints.leftovers()) {
                lines.add(leftover.getFileName() + ": not committed; the next start removes it");
            }
            Optional<String> linkProblem = linkProblem(checkpoints.link());
            lines.add("current_pipeline: " + linkProblem.orElse("leads to a committed checkpoint"));
            lines.addAll(table(ledger, states, problems.values()));
            ledger.unfinished().ifPresent(lines::add);
            lines.addAll(ledger.faults());
            boolean holds = problems.values().stream().allMatch(String::isEmpty)
                    && linkProblem.isEmpty()
                    && ledger.faultCount() == 0;
            return new RunVerification(List.copyOf(lines), holds);
        } catch (IOException e) {
            throw new UserException("run=" + run + ": cannot be read (" + e.getMessage() + ")", e);
        }
    }

    /** What is wrong with each checkpoint, newest first; empty where it is whole. */
    private static Map<Path, String> problems(CheckpointFolder checkpoints) throws IOException {
        Map<Path, String> problems = new LinkedHashMap<>();
        for (Path folder : checkpoints.newestFirst()) {
            String problem = CheckpointFolder.problem(folder).orElse("");
            if (Files.isDirectory(folder)) { // not removed meanwhile
                problems.put(folder, problem);
            }
        }
        return problems;
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

    private static String whole(Path folder) {
        try {
            Manifest manifest = Manifest.read(folder);
            long bytes = manifest.files().values().stream()
                    .mapToLong(Manifest.Entry::size)
                    .sum();
            return String.format(
                    Locale.ROOT, "whole (%d files, %,d bytes)", manifest.files().size(), bytes);
        } catch (IOException e) {
            return "gone meanwhile";
        }
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
