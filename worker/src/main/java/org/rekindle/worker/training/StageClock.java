package org.rekindle.worker.training;

import java.util.EnumMap;
import java.util.Map;

/**
 * Times the stages of a step. The host runs ahead of a GPU, so the device is waited for where a stage begins: stages sum up to a step
 * that is a little slower than one that runs freely. Tells nothing until it is started.
 */
final class StageClock implements StageListener {

    private final Runnable awaitDevice;
    private final Map<Stage, Long> nanos = new EnumMap<>(Stage.class);
    private Stage current; // null while it stands still
    private long since;

    /** @param awaitDevice returns once the device has done all that it was given; quick on a CPU, which is done at any time */
    StageClock(Runnable awaitDevice) {
        this.awaitDevice = awaitDevice;
    }

    /** Begins a step, with its data. */
    void start() {
        nanos.clear();
        awaitDevice.run();
        current = Stage.DATA;
        since = System.nanoTime();
    }

    @Override
    public void entering(Stage stage) {
        if (current != null) {
            awaitDevice.run();
            long now = System.nanoTime();
            nanos.merge(current, now - since, Long::sum);
            current = stage;
            since = now;
        }
    }

    /** Ends the step; returns nanoseconds of the stages that it had. */
    Map<Stage, Long> stop() {
        entering(current);
        current = null;
        return Map.copyOf(nanos);
    }
}
