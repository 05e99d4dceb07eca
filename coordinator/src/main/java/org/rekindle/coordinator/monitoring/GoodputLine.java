package org.rekindle.coordinator.monitoring;

import com.fasterxml.jackson.annotation.JsonInclude;

/**
 * A line of {@code goodput.jsonl}. A session is the time that one process leads the run.
 *
 * @param at when it was written, in milliseconds since 1970
 * @param event {@link #START}, {@link #PACE}, {@link #BACK}, {@link #SAVED}, {@link #END} or {@link #REQUEUE}
 * @param step the newest committed step, or the checkpoint's
 * @param launched when the session began: its process, or the loss of the one that led before; of {@code START} only
 * @param job id of the SLURM job; null outside of one
 * @param restart how often SLURM has started that job again
 * @param seconds that the checkpoint took; of {@code SAVED} only
 * @param spent since the session began
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
record GoodputLine(
        long at, String event, long step, Long launched, String job, Integer restart, Double seconds, Spent spent) {

    static final String START = "start";
    static final String PACE = "pace";

    /** The run went back to a checkpoint. */
    static final String BACK = "back";

    static final String SAVED = "saved";
    static final String END = "end";
    static final String REQUEUE = "requeue";

    /**
     * Where the time of a session went, in seconds; what is missing is its end.
     *
     * @param starting until the first step
     * @param stepping in committed steps
     * @param data of that, waiting for batches
     * @param saving what checkpoints held steps up
     * @param reforming what the loss or the coming of workers held steps up
     */
    record Spent(double starting, double stepping, double data, double saving, double reforming) {}

    static GoodputLine of(long at, String event, long step, Spent spent) {
        return new GoodputLine(at, event, step, null, null, null, null, spent);
    }
}
