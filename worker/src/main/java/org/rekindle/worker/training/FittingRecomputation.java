package org.rekindle.worker.training;

import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * {@code model.gradient_checkpointing: auto}: as few segments as the memory allows that is there once models and optimizer have theirs. What
 * the first lane takes corrects the prediction, in either direction.
 */
final class FittingRecomputation implements Recomputation {

    /** What a pass may take of the memory that is there: predictions are within a tenth. */
    private static final double SHARE = 0.9;

    private final SegmentMemory passes;
    private final DeviceMemory device;
    private final Consumer<String> told;
    private Set<String> recomputed = Set.of();
    private long available;
    private LongSupplier growth; // until the first pass is over

    /** @param told gets a line about each choice */
    FittingRecomputation(SegmentMemory passes, DeviceMemory device, Consumer<String> told) {
        this.passes = passes;
        this.device = device;
        this.told = told;
    }

    @Override
    public Set<String> segments() {
        return recomputed;
    }

    @Override
    public void ready() {
        available = device.available();
        growth = device.growth();
        recomputed = passes.fewest((long) (SHARE * available));
        long predicted = passes.of(recomputed);
        told.accept("model.gradient_checkpointing auto: %s; predicted are %s a lane, %s are there%s"
                .formatted(
                        choice(),
                        MemorySize.text(predicted),
                        MemorySize.text(available),
                        predicted > available ? ", so it may run out: a smaller system.batch_size takes less" : ""));
    }

    /**
     * Scales all predictions by what the first pass took. What the process had kept from the loading and took again is not seen, so not less
     * than half of the prediction is believed.
     */
    @Override
    public void passed() {
        long taken = growth == null ? 0 : growth.getAsLong();
        growth = null;
        if (taken <= 0) {
            return;
        }
        long predicted = passes.of(recomputed);
        double scale = Math.max(0.5, (double) taken / predicted);
        Set<String> corrected = passes.fewest((long) (SHARE * available / scale));
        if (!corrected.equals(recomputed)) {
            recomputed = corrected;
            told.accept("model.gradient_checkpointing auto: the first lane took %s, predicted were %s; from now on %s"
                    .formatted(MemorySize.text(taken), MemorySize.text(predicted), choice()));
        }
    }

    private String choice() {
        int all = passes.names().size();
        List<String> names = recomputed.stream()
                .map(name -> name.replaceFirst("^segment_", ""))
                .toList();
        return recomputed.isEmpty()
                ? "no segment is run again"
                : "%d of %d segments are run again%s"
                        .formatted(names.size(), all, names.size() == all ? "" : " (" + String.join(", ", names) + ")");
    }
}
