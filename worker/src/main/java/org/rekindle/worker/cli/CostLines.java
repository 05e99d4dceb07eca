package org.rekindle.worker.cli;

import java.util.Map;
import org.rekindle.worker.pipeline.Component;
import org.rekindle.worker.training.StepFlops;
import org.rekindle.worker.training.StepForecast;
import org.rekindle.worker.training.StepMemory;

/** What a dry run says of a step's cost: operations, and memory of the device and of the JVM. */
record CostLines(StepForecast step) {

    /** What an image takes as it lies in a shard, and waits for its turn: an assumption. */
    private static final long IMAGE = 100_000;

    /** Blocks of a lane in memory: one is read, one waits, one is given out. */
    private static final int BLOCKS = 3;

    /** Of the heap, for all else. */
    private static final double MARGIN = 1.25;

    private static final long GIBIBYTE = 1L << 30;

    /** @param examples of a step */
    void flops(Table table, long examples, Map<Component, String> names) {
        StepFlops flops = step.flops();
        String recomputed = flops.checkpointing() ? ", recomputed 1" : "";
        String frozen = flops.frozenMacs() == 0
                ? ""
                : ", " + Table.metric(2.0 * flops.frozenMacs(), "FLOP") + " of frozen encoders";
        table.row(
                "FLOPs per example",
                "%s: %d x %s forward (backward 2%s)%s",
                Table.metric(flops.perExample(), "FLOP"),
                flops.passes(),
                Table.metric(2.0 * flops.trainedMacs(), "FLOP"),
                recomputed,
                frozen);
        step.uncounted().forEach(component -> table.more("without the %s, which is missing", names.get(component)));
        table.row("FLOPs per step", "%s", Table.metric(flops.perExample() * examples, "FLOP"));
    }

    /** @param auto whether {@code model.gradient_checkpointing} is left to the memory of the device */
    void memory(Table table, boolean auto) {
        StepMemory memory = step.memory();
        String otherwise = step.activationsOtherwise()
                .map(bytes -> Table.text(
                        auto
                                ? "; model.gradient_checkpointing auto goes down to %2$s where it must, by a forward more"
                                : "; %s model.gradient_checkpointing %s",
                        step.flops().checkpointing() ? "without" : "with",
                        Table.metric(bytes, "B")))
                .orElse("");
        table.row("memory per worker", "%17s; what CUDA takes for itself comes on top", "bytes");
        table.row("  weights", "%,17d", memory.weights());
        table.row("  gradients", "%,17d", memory.gradients());
        table.row("  moments", "%,17d", memory.moments());
        table.row("  averages", "%,17d", memory.averages());
        table.row("  frozen models", "%,17d", memory.frozen());
        table.row("  activations", "%,17d (an estimate%s)", memory.activations(), otherwise);
        table.row("  together", "%,17d = %s", memory.total(), Table.metric(memory.total(), "B"));
        if (step.pictures() > 0) {
            table.row(
                    "  and for a while",
                    "%,17d, where the pictures of a checkpoint are drawn: %s at the most",
                    step.pictures(),
                    Table.metric(memory.total() + step.pictures(), "B"));
        }
    }

    /**
     * What the JVM's heap holds.
     *
     * @param lanes of the worker that has most
     * @param block examples of a lane's block
     * @param available bytes of a heap that a JVM takes here
     */
    void heap(Table table, int lanes, long block, long available) {
        long examples = BLOCKS * block * lanes;
        long bytes = step.heap() + examples * IMAGE;
        long gibibytes = (long) Math.ceil(MARGIN * bytes / GIBIBYTE);
        table.row("JVM heap per worker", "%16s", "bytes");
        table.row("  checkpoint", "%,17d, a copy of what is trained while it is written", step.heap());
        table.row(
                "  images waiting",
                "%,17d: %,d of %s, %d blocks a lane of dataset.params.shuffle_buffer",
                examples * IMAGE,
                examples,
                Table.metric(IMAGE, "B"),
                BLOCKS);
        table.row(
                "  together",
                "%,17d = %s; with a quarter for all else REKINDLE_JAVA_OPTS=-Xmx%dg",
                bytes,
                Table.metric(bytes, "B"),
                gibibytes);
        if (MARGIN * bytes > available) {
            table.more(
                    "more than the heap of %s that a JVM takes here: set REKINDLE_JAVA_OPTS",
                    Table.metric(available, "B"));
        }
    }
}
