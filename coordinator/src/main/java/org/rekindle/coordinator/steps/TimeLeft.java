package org.rekindle.coordinator.steps;

import java.time.Duration;
import java.util.Locale;

/**
 * What a drain can still do before the machines end; all in seconds.
 *
 * @param notice from the request until then
 * @param step what a step takes; NaN where none was measured
 * @param save what a checkpoint takes; NaN where none was measured
 */
record TimeLeft(double notice, double step, double save) {

    /** For the workers to close, the processes to end and SLURM to be asked; of a short notice a third. */
    private static final double CLOSING = 20;

    /** How far it comes. */
    enum Reach {
        STEP_AND_SAVE,
        SAVE,
        NOTHING
    }

    /** What is not known yet is tried. */
    Reach reach() {
        double known = Double.isNaN(save) ? 0 : save;
        if (known > usable()) {
            return Reach.NOTHING;
        }
        return known + (Double.isNaN(step) ? 0 : step) > usable() ? Reach.SAVE : Reach.STEP_AND_SAVE;
    }

    /** After which nothing more is waited for. */
    Duration patience() {
        return Duration.ofMillis((long) (usable() * 1000));
    }

    private double usable() {
        return notice - Math.min(CLOSING, notice / 3);
    }

    /** In words that follow what was decided. */
    String describe() {
        return String.format(
                Locale.ROOT, "a step takes %.1f s, a checkpoint %.1f s, and %.0f s are left", step, save, usable());
    }
}
