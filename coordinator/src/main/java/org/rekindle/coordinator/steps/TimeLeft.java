package org.rekindle.coordinator.steps;

import java.time.Duration;
import java.util.Locale;
import org.rekindle.coordinator.monitoring.Goodput;

/**
 * What a drain can still do before the machines end; all in seconds.
 *
 * @param notice from the request until then
 * @param step what a step takes; NaN where none was measured
 * @param save what a checkpoint takes; NaN where none was measured
 */
record TimeLeft(double notice, double step, double save) {

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

    /** Of a short notice a third is kept for closing. */
    private double usable() {
        return notice - Math.min(Goodput.CLOSING_SECONDS, notice / 3);
    }

    /** In words that follow what was decided. */
    String describe() {
        return "a step takes %s, a checkpoint %s, and there were %s for both"
                .formatted(seconds(step), seconds(save), seconds(usable()));
    }

    private static String seconds(double seconds) {
        return Double.isNaN(seconds) ? "nobody knows how long" : String.format(Locale.ROOT, "%.1f s", seconds);
    }
}
