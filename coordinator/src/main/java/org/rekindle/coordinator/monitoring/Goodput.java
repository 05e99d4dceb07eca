package org.rekindle.coordinator.monitoring;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.rekindle.data.UserException;
import org.rekindle.data.stores.Stores;

/**
 * Where the time of a run went, from its first start to its last sign of life, in seconds.
 *
 * @param sessions how often a process began to lead it
 * @param requeues how often it asked to be queued again
 * @param total all of it
 * @param stepping in committed steps that the run kept
 * @param data of that, waiting for batches
 * @param again in steps that were lost with a process, or gone back over, and computed again
 * @param starting processes, models and cluster, until the first step
 * @param saving what checkpoints held steps up
 * @param reforming what the loss or the coming of workers held steps up, replayed steps included
 * @param ending from the last step of a session to its end: the last checkpoint
 * @param away between sessions: in SLURM's queue, or dead before anybody started it again
 * @param step what a step took, on the average
 * @param save what the slowest checkpoint took; 0 where there was none
 */
public record Goodput(
        int sessions,
        int requeues,
        double total,
        double stepping,
        double data,
        double again,
        double starting,
        double saving,
        double reforming,
        double ending,
        double away,
        double step,
        double save) {

    /** Seconds of a notice that are kept for the workers to close, the processes to end and SLURM to be asked. */
    public static final double CLOSING_SECONDS = 25;

    private static final double LEAST_NOTICE = 60;

    /**
     * Reads the report of a run, which may be going on.
     *
     * @param run its folder, or {@code s3://bucket/prefix/name}
     * @throws UserException when there is none
     */
    public static Goodput of(String run) {
        List<GoodputLine> lines = run.startsWith("s3://")
                ? GoodputFile.parse(inBucket(run))
                : GoodputFile.read(Path.of(run).resolve("goodput.jsonl"));
        if (lines.stream().noneMatch(line -> line.event().equals(GoodputLine.START))) {
            throw new UserException(
                    "run=" + run
                            + ": no goodput.jsonl in it that tells of a start; give a run folder, experiment.log_dir/experiment.name");
        }
        return of(lines);
    }

    private static List<String> inBucket(String run) {
        try {
            return Stores.of(null)
                    .bucket(run)
                    .read("goodput.jsonl")
                    .map(content -> content.text().lines().toList())
                    .orElse(List.of());
        } catch (IOException e) {
            throw new UserException("run=" + run + ": cannot be read (" + e.getMessage() + ")", e);
        }
    }

    static Goodput of(List<GoodputLine> lines) {
        List<Session> sessions = new ArrayList<>();
        double away = 0;
        double again = 0;
        int requeues = 0;
        long lastAt = 0;
        Session session = null;
        for (GoodputLine line : lines) {
            switch (line.event()) {
                case GoodputLine.START -> {
                    if (session != null) {
                        away += Math.max(0, line.launched() - lastAt) / 1e3;
                        again += session.lost(line.step());
                    }
                    session = new Session(line.launched(), line.step());
                    sessions.add(session);
                }
                case GoodputLine.REQUEUE -> requeues++;
                case GoodputLine.BACK -> again += session == null ? 0 : session.back(line.step());
                default -> {
                    if (session != null) { // a torn line may have been its start
                        session.add(line);
                    }
                }
            }
            lastAt = line.at();
            if (session != null && !line.event().equals(GoodputLine.REQUEUE)) {
                session.last = line.at();
            }
        }
        double total = (session.last - sessions.get(0).launched) / 1e3;
        double stepping = sum(sessions, GoodputLine.Spent::stepping);
        double starting = sum(sessions, GoodputLine.Spent::starting);
        double saving = sum(sessions, GoodputLine.Spent::saving);
        double reforming = sum(sessions, GoodputLine.Spent::reforming);
        return new Goodput(
                sessions.size(),
                requeues,
                total,
                stepping - again,
                sum(sessions, GoodputLine.Spent::data),
                again,
                starting,
                saving,
                reforming,
                Math.max(0, total - stepping - starting - saving - reforming - away),
                away,
                ratio(stepping, sessions.stream().mapToLong(each -> each.steps).sum()),
                lines.stream()
                        .filter(line -> line.seconds() != null)
                        .mapToDouble(GoodputLine::seconds)
                        .max()
                        .orElse(0));
    }

    private static double ratio(double seconds, long steps) {
        return steps == 0 ? 0 : seconds / steps;
    }

    /** Seconds of notice that a drain needs, with half as much again to spare: what {@code #SBATCH --signal=B:USR1@} is to say. */
    public long notice() {
        return (long) Math.ceil(Math.max(LEAST_NOTICE, 1.5 * (step + save) + CLOSING_SECONDS));
    }

    /** The times in a row, up to now, that the run asked to be queued again at a step: it came no further in between. */
    public static int requeuesAt(Path file, long step) {
        int count = 0;
        for (GoodputLine line : GoodputFile.read(file)) {
            if (line.event().equals(GoodputLine.REQUEUE)) {
                count = line.step() == step ? count + 1 : 0;
            }
        }
        return count;
    }

    private static double sum(List<Session> sessions, java.util.function.ToDoubleFunction<GoodputLine.Spent> part) {
        return sessions.stream()
                .mapToDouble(session -> part.applyAsDouble(session.spent))
                .sum();
    }

    /** Share of the time in steps that the run kept; NaN before there is any. */
    public double share() {
        return total <= 0 ? Double.NaN : stepping / total;
    }

    /** A table for people. */
    public List<String> table() {
        return List.of(
                String.format(
                        Locale.ROOT,
                        "%.1f %% of %.0f s went into steps that the run kept (%d sessions, %d requeues)",
                        100 * share(),
                        total,
                        sessions,
                        requeues),
                row("steps kept", stepping),
                row("  of that waiting for data", data),
                row("steps computed again", again),
                row("start: process, model, cluster", starting),
                row("held up by checkpoints", saving),
                row("held up by workers that went or came", reforming),
                row("last checkpoint and end", ending),
                row("between sessions, as in the queue", away),
                String.format(
                        Locale.ROOT,
                        "a step took %.2f s, the slowest checkpoint %.2f s: a notice of %d s is enough"
                                + " (#SBATCH --signal=B:USR1@%d)",
                        step,
                        save,
                        notice(),
                        notice()));
    }

    private String row(String name, double seconds) {
        return String.format(Locale.ROOT, "%-38s%10.1f s %6.1f %%", name, seconds, 100 * seconds / total);
    }

    /** What one session's lines add up to. */
    private static final class Session {
        private final long launched;
        private GoodputLine.Spent spent = new GoodputLine.Spent(0, 0, 0, 0, 0);
        private long steps; // committed in this session
        private long step;
        private long last;

        Session(long launched, long from) {
            this.launched = launched;
            this.step = from;
        }

        void add(GoodputLine line) {
            if (line.spent() != null) {
                spent = line.spent();
                steps += Math.max(0, line.step() - step);
                step = line.step();
            }
        }

        /** Seconds of the steps that the next session begins before. */
        double lost(long next) {
            return steps == 0 ? 0 : spent.stepping() / steps * Math.min(steps, Math.max(0, step - next));
        }

        double back(long to) {
            double lost = lost(to);
            step = to;
            return lost;
        }
    }
}
