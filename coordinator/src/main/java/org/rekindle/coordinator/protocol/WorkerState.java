package org.rekindle.coordinator.protocol;

import java.util.Map;
import org.rekindle.data.lanes.LaneCursor;

/**
 * What a worker holds: all that a coordinator needs to know of it, and all that is left of a run whose coordinator was lost.
 *
 * @param generation the newest generation it was assigned to; 0 for none
 * @param committed the step whose weights it holds; -1 while it has none that are whole
 * @param skipped whether that step was skipped
 * @param ready the step whose reduced gradients it holds and has not applied; -1 for none
 * @param cursors where lanes stand after {@code committed}, as far as it was told
 */
public record WorkerState(
        long generation, long committed, boolean skipped, long ready, Map<Integer, LaneCursor> cursors) {

    /** A worker that has just loaded a checkpoint. */
    public static WorkerState loaded(long step, Map<Integer, LaneCursor> cursors) {
        return new WorkerState(0, step, false, -1, cursors);
    }
}
