package org.rekindle.worker.training;

import java.util.Set;

/** Which segments of the UNet a pass runs again in place of keeping their activations. It changes no number. */
interface Recomputation {

    /** The segments that the next pass is to run again; empty for a plain pass. */
    Set<String> segments();

    /** All that lives as long as the run is in memory; what is left is for the lanes. */
    default void ready() {}

    /** A pass is over, forward and backward. */
    default void passed() {}

    /** The same segments in all passes. */
    static Recomputation always(Set<String> segments) {
        return () -> segments;
    }
}
