package org.rekindle.data.lanes;

import java.util.List;
import java.util.Locale;

/**
 * Which stage of the data plane limits a run, and what to change: every stage waits for the slowest, so the slowest is the one that
 * never waits.
 */
public enum Bottleneck {
    /** Whoever takes the batches. */
    TAKER("the training: batches wait for it"),
    READ("reading: one thread a lane reads shards without pause"),
    FILTER("reading past rejected examples"),
    DECODE("decoding: all its threads are busy"),
    NONE("no stage is busy all the time: too little runs at once");

    /** Below this share of the time a taker that waits loses nothing that shows. */
    private static final double WAITS = 0.05;

    /** A stage that works less than this may not be what the others wait for. */
    private static final double IDLE = 0.5;

    private static final double MOSTLY_REJECTED = 0.5;

    private final String what;

    Bottleneck(String what) {
        this.what = what;
    }

    /**
     * Finds the stage that limits.
     *
     * @param counts of all lanes that share their decoders
     */
    public static Bottleneck of(StageCounts counts) {
        if (counts.waiting() < WAITS) {
            return TAKER;
        }
        double read = counts.read().busy(counts.seconds());
        double decode = counts.decode().busy(counts.seconds());
        if (Math.max(read, decode) < IDLE) {
            return NONE;
        }
        if (decode >= read) {
            return DECODE;
        }
        return counts.losses().byFilters() > MOSTLY_REJECTED * counts.read().items() ? FILTER : READ;
    }

    /** Says in one line which stage limits and what to change. */
    public static String advice(StageCounts counts) {
        Bottleneck bottleneck = of(counts);
        int workers = counts.decode().threads();
        int processors = Runtime.getRuntime().availableProcessors();
        return "limited by " + bottleneck.what
                + switch (bottleneck) {
                    case TAKER -> "; the data keeps up";
                    case READ -> "; raise system.lanes, or bring the shards nearer (a local disk, a faster store)";
                    case FILTER -> "; make shards of what passes (rekindle shards reshard)";
                    case DECODE ->
                        workers < processors
                                ? "; raise system.workers (now " + workers + " on " + processors + " processors)"
                                : "; store the images at the size they are trained at (rekindle shards make resolution=N), as JPEG"
                                        + " rather than PNG or WebP, or encode them once (rekindle latents)";
                    case NONE -> "; raise system.workers and system.lanes";
                };
    }

    /** A table of the stages: what each gave per second, how busy it was and what waits behind it. */
    public static List<String> table(StageCounts counts) {
        return List.of(
                "stage      items/s     MB/s    busy   waiting behind it",
                line("read", counts.read(), counts.seconds(), "examples"),
                line("decode", counts.decode(), counts.seconds(), "images"),
                line("batch", counts.batch(), counts.seconds(), "batches"),
                counts.inWords());
    }

    private static String line(String name, StageCounts.Stage stage, double seconds, String unit) {
        return String.format(
                Locale.ROOT,
                "%-8s %9.1f %8.1f %6.0f%%   %d %s",
                name,
                stage.items() / seconds,
                stage.bytes() / seconds / 1e6,
                100 * stage.busy(seconds),
                stage.queued(),
                unit);
    }
}
