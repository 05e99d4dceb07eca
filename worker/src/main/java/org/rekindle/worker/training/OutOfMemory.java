package org.rekindle.worker.training;

import ai.djl.engine.EngineException;
import java.util.List;
import java.util.function.IntToLongFunction;
import java.util.function.Supplier;
import org.rekindle.data.UserException;

/** Tells a device that has no more memory from other failures of libtorch, and puts it into the user's words. */
final class OutOfMemory {

    /** What libtorch says on a CPU, on a GPU, and where C++ itself gets nothing. */
    private static final List<String> WORDS =
            List.of("can't allocate memory", "not enough memory", "out of memory", "std::bad_alloc");

    /** A lane may take this share of the memory that is there, as predictions are within a tenth. */
    private static final double SHARE = 0.9;

    private OutOfMemory() {}

    /**
     * Runs something that needs memory of the device.
     *
     * @param line makes of it what the user is told
     * @throws UserException with that line where there is not enough
     */
    static <T> T told(Supplier<T> work, Supplier<String> line) {
        try {
            return work.get();
        } catch (EngineException e) {
            if (WORDS.stream().noneMatch(String.valueOf(e.getMessage())::contains)) {
                throw e;
            }
            throw new UserException(line.get(), e);
        }
    }

    /** The line about the JVM's heap, which holds a copy of the training state while a checkpoint is written. */
    static String ofHeap(long step, OutOfMemoryError error) {
        return "the JVM's memory does not suffice at step %d (%s; its heap is at most %s): set REKINDLE_JAVA_OPTS=-Xmx as `train --dry-run` tells"
                .formatted(
                        step,
                        error.getMessage(),
                        MemorySize.text(Runtime.getRuntime().maxMemory()));
    }

    /**
     * The line about a lane.
     *
     * @param batch its examples
     * @param memory predicted bytes, by the number of examples
     * @param available bytes that were there beside models and optimizer
     */
    static String ofLane(int batch, IntToLongFunction memory, long available) {
        long predicted = memory.applyAsLong(batch);
        int fits = fitting(batch, memory, available);
        return "out of memory in a lane of %d examples: predicted are %s, %s were there beside models and optimizer; %s"
                .formatted(
                        batch,
                        MemorySize.text(predicted),
                        MemorySize.text(available),
                        fits == 0
                                ? "not even one example fits: set model.gradient_checkpointing=true, a smaller"
                                        + " dataset.params.resolution or model.mixed_precision=bf16, or take a larger device"
                                : "system.batch_size=" + fits
                                        + " fits (with more system.lanes a step sees as many examples);"
                                        + " model.gradient_checkpointing=true takes less, too, where it is not set");
    }

    /** Where the prediction said that the batch fits it was too low: then half of the batch is taken at most. */
    private static int fitting(int batch, IntToLongFunction memory, long available) {
        int most = memory.applyAsLong(batch) <= available ? batch / 2 : batch - 1;
        for (int fewer = most; fewer > 0; fewer--) {
            if (memory.applyAsLong(fewer) <= SHARE * available) {
                return fewer;
            }
        }
        return 0;
    }

    /** The line about loading. */
    static String ofLoading(StepMemory memory, long available) {
        return ("out of memory while models and optimizer are loaded: predicted are %s (weights %s, frozen models %s, gradients %s, moments %s,"
                        + " averages %s), %s were there; take a larger device%s%s")
                .formatted(
                        MemorySize.text(memory.total()),
                        MemorySize.text(memory.weights()),
                        MemorySize.text(memory.frozen()),
                        MemorySize.text(memory.gradients()),
                        MemorySize.text(memory.moments()),
                        MemorySize.text(memory.averages()),
                        MemorySize.text(available),
                        memory.averages() > 0 ? ", or set model.use_ema=false" : "",
                        memory.frozen() > 0 ? ", or train on precomputed latents (dataset.type=Latents)" : "");
    }
}
