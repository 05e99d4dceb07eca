package org.rekindle.worker.chaos;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import org.rekindle.coordinator.checkpoints.RunVerification;
import org.rekindle.data.UserException;
import org.rekindle.worker.launch.WorkerPlace;

/**
 * Trains twice, once in peace and once with real processes that something happens to, and compares the two.
 *
 * @param scenario what happens
 * @param times how often
 * @param workers processes of the disturbed run
 * @param seed of the random steps and ranks
 * @param totalSteps of each run
 * @param command main class of a worker and its arguments, but for {@code experiment.log_dir}
 * @param name of the run
 * @param folder that is made for both
 */
public record Chaos(
        Scenario scenario,
        int times,
        int workers,
        long seed,
        long totalSteps,
        List<String> command,
        String name,
        Path folder) {

    /** Nothing happens before the first steps nor after these parts of all. */
    private static final double LAST_PART = 0.9;

    private static final int FIRST_STEP = 5;

    /**
     * @param lines of the report
     * @param holds whether the two runs agree and nothing else was wrong
     */
    public record Report(List<String> lines, boolean holds) {}

    /** @throws UserException when the disturbed run hangs, or a run cannot be started */
    public Report run() throws InterruptedException {
        Random random = new Random(seed);
        List<Long> at = moments(random);
        List<String> options = scenario.options(at.get(0));
        List<Double> pauses = new ArrayList<>();
        List<String> problems = new ArrayList<>();
        logs();
        try (DisturbedRun peace = start("undisturbed", options)) {
            peace.start(0);
            peace.expectEnd(0, 0, Long.MAX_VALUE);
            problems.addAll(peace.problems());
        }
        try (DisturbedRun disturbed = start("disturbed", options)) {
            for (int rank = 0; rank < workers; rank++) {
                disturbed.start(rank);
            }
            for (long step : at) {
                disturbed.await("step " + step, () -> disturbed.committed() >= step);
                int rank = disturbed.oneOfMembers(random);
                disturbed.longestPause();
                scenario.inject(disturbed, rank);
                long next = Math.min(totalSteps, disturbed.committed() + 2);
                disturbed.await("two more steps", () -> disturbed.committed() >= next);
                pauses.add(disturbed.longestPause());
            }
            disturbed.await("the last step", () -> disturbed.committed() >= totalSteps);
            for (int rank = 0; rank < disturbed.workers(); rank++) {
                disturbed.expectEnd(rank, 0);
            }
            problems.addAll(disturbed.problems());
        }
        return report(pauses, problems);
    }

    private DisturbedRun start(String which, List<String> options) {
        List<String> whole = new ArrayList<>(command);
        whole.add("experiment.log_dir=" + folder.resolve(which));
        int processes = which.equals("undisturbed") ? 1 : workers;
        return new DisturbedRun(
                WorkerPlace.first(processes, Map.of()),
                options,
                whole,
                folder.resolve(which).resolve(name),
                logs());
    }

    private Path logs() {
        try {
            return Files.createDirectories(folder.resolve("logs"));
        } catch (IOException e) {
            throw new UserException(folder + ": cannot be made (" + UserException.reason(e) + ")", e);
        }
    }

    /** A random step in each of as many equal parts of the run. */
    private List<Long> moments(Random random) {
        double part = (LAST_PART * totalSteps - FIRST_STEP) / times;
        if (part < 2) {
            throw new UserException("chaos: times=" + times + " is too often for " + totalSteps
                    + " steps: give more steps (experiment.num_examples_to_see), or fewer times");
        }
        List<Long> moments = new ArrayList<>();
        for (int i = 0; i < times; i++) {
            moments.add(FIRST_STEP + (long) (part * (i + random.nextDouble())));
        }
        return moments;
    }

    private Report report(List<Double> pauses, List<String> problems) {
        RunComparison comparison = RunComparison.of(
                folder.resolve("undisturbed").resolve(name),
                folder.resolve("disturbed").resolve(name));
        RunVerification verification =
                RunVerification.of(folder.resolve("disturbed").resolve(name).toString());
        List<Double> sorted = pauses.stream().sorted().toList();
        List<String> lines = new ArrayList<>();
        lines.add(row("scenario", "%s, %d times, %d workers, seed %d", scenario, times, workers, seed));
        lines.add(row(
                "steps",
                "%d, %s; %d of them without a line of metrics",
                comparison.steps(),
                comparison.sameSteps() ? "each with the same examples" : "NOT THE SAME",
                comparison.untold()));
        lines.add(row("losses", "differ by %.1e at most, allowed %.0e", comparison.losses(), RunComparison.TOLERANCE));
        lines.add(
                row("weights", "differ by %.1e at most, allowed %.0e", comparison.weights(), RunComparison.TOLERANCE));
        lines.add(row(
                "verify",
                verification.holds() ? "holds" : "DOES NOT HOLD: rekindle verify run=%s/disturbed/%s",
                folder,
                name));
        lines.add(row(
                "pauses",
                "median %.2f s, longest %.2f s between two steps",
                sorted.get(sorted.size() / 2),
                sorted.get(sorted.size() - 1)));
        problems.forEach(problem -> lines.add(row("problem", "%s", problem)));
        return new Report(lines, comparison.agrees() && verification.holds() && problems.isEmpty());
    }

    private static String row(String name, String format, Object... values) {
        return String.format(Locale.ROOT, "%-10s ", name) + String.format(Locale.ROOT, format, values);
    }
}
