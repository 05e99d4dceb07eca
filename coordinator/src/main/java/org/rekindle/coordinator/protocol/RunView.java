package org.rekindle.coordinator.protocol;

import java.util.List;
import java.util.Map;
import org.rekindle.data.lanes.LaneCursor;

/**
 * How a run does, as its coordinator sees it.
 *
 * @param state {@code waiting} for workers, {@code running}, {@code draining} or {@code ended}
 * @param step the newest committed one
 * @param totalSteps of the whole run
 * @param examplesSeen up to and with that step
 * @param loss of the newest step, a mean over its lanes; NaN before there is one
 * @param learningRate of that step
 * @param imagesPerSecond over the last steps; NaN before there are any
 * @param generation the newest
 * @param saved step of the newest checkpoint
 * @param counts how often which thing happened since this coordinator began: generations, replayed and skipped steps, ways back
 * @param workers all that are there
 * @param cursors where each lane stands after that step
 * @param events the newest, oldest first
 */
public record RunView(
        String state,
        long step,
        long totalSteps,
        long examplesSeen,
        double loss,
        double learningRate,
        double imagesPerSecond,
        long generation,
        long saved,
        Map<String, Long> counts,
        List<Worker> workers,
        Map<Integer, LaneCursor> cursors,
        List<Event> events)
        implements ControlMessage {

    /**
     * @param rank in the newest generation; -1 for a spare
     * @param node rank of its node
     * @param address where the others reach it
     * @param lanes that it computes
     * @param weights the step whose weights it holds; -1 for none
     * @param dataWait seconds a step, as {@link StepStages}; NaN before there are any
     * @param compute seconds a step
     * @param reduce seconds a step
     * @param slow the stage that makes it slower than the others; empty where none does
     */
    public record Worker(
            int rank,
            int node,
            String address,
            List<Integer> lanes,
            long weights,
            double dataWait,
            double compute,
            double reduce,
            String slow) {}

    /**
     * @param number growing
     * @param time ISO 8601
     * @param line for people
     */
    public record Event(long number, String time, String line) {}
}
