package org.rekindle.coordinator.monitoring;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongSupplier;
import org.rekindle.coordinator.ledger.StepLines;
import org.rekindle.data.UserException;

/**
 * {@code goodput.jsonl} of a run folder: where the run's time went, through all its requeues. Appended to, never cut back: a line at the start
 * of a session, every ten seconds and at its end.
 *
 * <p>A step takes as long as from the commit before it to its own. Where something else came between (the start, a checkpoint, other
 * workers) the step counts as the others of its session take, and the rest goes to what came between.
 */
public final class GoodputFile implements StepListener {

    private static final ObjectMapper JSON = JsonMapper.builder().build();
    private static final long PACE_EVERY_MILLIS = Duration.ofSeconds(10).toMillis();

    private final StepLines lines;
    private final LongSupplier millis;
    private final Map<String, String> environment;
    private final long launched;
    private final Between starting = new Between();
    private final Between saving = new Between();
    private final Between reforming = new Between();
    private boolean started;
    private long step;
    private long lastCommit;
    private long lastLine;
    private long generation;
    private boolean saved; // a checkpoint was due after the last step
    private long plainSteps;
    private double plainSeconds;
    private double data;

    /** Steps with something before them, and the seconds of both. */
    private static final class Between {
        private long steps;
        private double seconds;

        private void add(double more) {
            steps++;
            seconds += more;
        }

        private double beyond(double stepSeconds) {
            return Math.max(0, seconds - steps * stepSeconds);
        }
    }

    private GoodputFile(StepLines lines, Map<String, String> environment, long launched, LongSupplier millis) {
        this.lines = lines;
        this.environment = environment;
        this.launched = launched;
        this.millis = millis;
    }

    /**
     * Opens the file of a session that begins.
     *
     * @param environment tells the SLURM job
     * @param launched when this process began, in milliseconds since 1970
     * @throws UserException in one line, when it cannot be written; so do all methods
     */
    public static GoodputFile open(Path file, Map<String, String> environment, long launched) {
        return open(file, environment, launched, System::currentTimeMillis);
    }

    static GoodputFile open(Path file, Map<String, String> environment, long launched, LongSupplier millis) {
        List<GoodputLine> before = read(file);
        // a process that takes over began long before its session
        long since = before.isEmpty()
                ? launched
                : Math.max(launched, before.get(before.size() - 1).at());
        return new GoodputFile(append(file), environment, since, millis);
    }

    /** A line that a kill has torn must not swallow the next one. */
    private static StepLines append(Path file) {
        try {
            if (Files.exists(file) && Files.size(file) > 0 && !endsWithALine(file)) {
                Files.writeString(file, "\n", StandardOpenOption.APPEND);
            }
        } catch (IOException e) {
            throw new UserException(file + ": cannot be written (" + UserException.reason(e) + ")", e);
        }
        return StepLines.open(file);
    }

    private static boolean endsWithALine(Path file) throws IOException {
        try (SeekableByteChannel bytes = Files.newByteChannel(file)) {
            ByteBuffer last = ByteBuffer.allocate(1);
            bytes.position(bytes.size() - 1).read(last);
            return last.get(0) == '\n';
        }
    }

    /** Reads all lines but those that a kill has torn; none where there is no file. */
    static List<GoodputLine> read(Path file) {
        try {
            return parse(Files.readAllLines(file));
        } catch (NoSuchFileException e) {
            return List.of();
        } catch (IOException e) {
            throw new UserException(file + ": cannot be read (" + UserException.reason(e) + ")", e);
        }
    }

    static List<GoodputLine> parse(List<String> lines) {
        return lines.stream().flatMap(line -> parse(line).stream()).toList();
    }

    private static Optional<GoodputLine> parse(String line) {
        try {
            return Optional.of(JSON.readValue(line, GoodputLine.class));
        } catch (JsonProcessingException torn) {
            return Optional.empty();
        }
    }

    /** The run asks to be queued again, at a step. */
    public static void requeue(Path file, long step) {
        requeue(file, step, System.currentTimeMillis());
    }

    static void requeue(Path file, long step, long at) {
        try (StepLines lines = append(file)) {
            lines.append(GoodputLine.of(at, GoodputLine.REQUEUE, step, null));
        }
    }

    /** Seconds that the newest checkpoint took; NaN where there is none. */
    public static double saveSeconds(Path file) {
        return read(file).stream()
                .filter(line -> line.seconds() != null)
                .reduce((before, last) -> last)
                .map(GoodputLine::seconds)
                .orElse(Double.NaN);
    }

    @Override
    public void started(long from, long totalSteps, long examplesSeen) {
        long now = millis.getAsLong();
        if (started) {
            write(now, GoodputLine.PACE);
            lines.append(GoodputLine.of(now, GoodputLine.BACK, from, null));
        } else {
            String job = environment.get("SLURM_JOB_ID");
            Integer restart = job == null ? null : SlurmRestarts.of(environment);
            lines.append(new GoodputLine(now, GoodputLine.START, from, launched, job, restart, null, null));
            lastCommit = launched;
            lastLine = now;
        }
        started = true;
        step = from;
    }

    @Override
    public void committed(StepMetrics metrics) {
        long now = millis.getAsLong();
        double seconds = (now - lastCommit) / 1e3;
        if (generation == 0) {
            starting.add(seconds);
        } else if (metrics.generation() != generation) {
            reforming.add(seconds);
        } else if (saved) {
            saving.add(seconds);
        } else {
            plainSteps++;
            plainSeconds += seconds;
        }
        data += metrics.dataWait();
        step = metrics.step();
        lastCommit = now;
        generation = metrics.generation();
        saved = metrics.data() != null;
        if (now - lastLine >= PACE_EVERY_MILLIS) {
            write(now, GoodputLine.PACE);
        }
    }

    @Override
    public void saved(long of, double seconds) {
        lines.append(new GoodputLine(millis.getAsLong(), GoodputLine.SAVED, of, null, null, null, seconds, null));
    }

    private void write(long now, String event) {
        lines.append(GoodputLine.of(now, event, step, spent()));
        lastLine = now;
    }

    private GoodputLine.Spent spent() {
        double each = plainSteps == 0 ? 0 : plainSeconds / plainSteps;
        return new GoodputLine.Spent(
                starting.beyond(each),
                plainSeconds + each * (starting.steps + saving.steps + reforming.steps),
                data,
                saving.beyond(each),
                reforming.beyond(each));
    }

    @Override
    public void close() {
        if (started) {
            write(millis.getAsLong(), GoodputLine.END);
        }
        lines.close();
    }
}
