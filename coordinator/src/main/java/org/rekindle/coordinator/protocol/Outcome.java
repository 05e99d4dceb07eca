package org.rekindle.coordinator.protocol;

/**
 * How a run ended, on every node the same.
 *
 * @param kind completed, drained, left or failed
 * @param step that the run goes on from, or ended with; 0 where it failed
 * @param line for people: one line; where the run failed, what, where and what to do
 */
public record Outcome(Kind kind, long step, String line) {

    /**
     * {@code COMPLETED}: the last step is in a checkpoint. {@code DRAINED}: asked to stop, and the work so far is. {@code LEFT}: this
     * worker went, and the others go on.
     */
    public enum Kind {
        COMPLETED,
        DRAINED,
        LEFT,
        FAILED
    }

    public static Outcome completed(long step) {
        return new Outcome(Kind.COMPLETED, step, "completed at step " + step);
    }

    public static Outcome drained(long step) {
        return new Outcome(Kind.DRAINED, step, "drained at step " + step);
    }

    public static Outcome left(long step) {
        return new Outcome(Kind.LEFT, step, "left after step " + step + "; the run goes on without this worker");
    }

    public static Outcome failed(String line) {
        return new Outcome(Kind.FAILED, 0, line);
    }

    /** The exit code of the process: 0, or 1 where the run failed. */
    public int exitCode() {
        return kind == Kind.FAILED ? 1 : 0;
    }
}
