package org.rekindle.coordinator.steps;

import java.util.Map;
import org.rekindle.data.lanes.LaneCursor;

/**
 * Where a run stands when a coordinator begins with it.
 *
 * @param committed the newest committed step
 * @param cursors where each lane goes on after it
 * @param generation the newest generation that there was; 0 for none
 * @param saved step of the newest checkpoint
 */
public record RunStart(long committed, Map<Integer, LaneCursor> cursors, long generation, long saved) {

    /** The same with other cursors: where a way back left examples out. */
    RunStart with(Map<Integer, LaneCursor> others) {
        return new RunStart(committed, others, generation, saved);
    }

    /** A run that begins at a checkpoint. */
    public static RunStart at(long step, Map<Integer, LaneCursor> cursors) {
        return new RunStart(step, cursors, 0, step);
    }
}
