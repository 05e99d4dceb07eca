package org.rekindle.worker.training;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import org.rekindle.coordinator.checkpoints.Checkpoint;
import org.rekindle.coordinator.checkpoints.Checkpoints;
import org.rekindle.coordinator.checkpoints.FencedException;
import org.rekindle.coordinator.checkpoints.TrainerState;
import org.rekindle.coordinator.monitoring.StepListener;
import org.rekindle.worker.training.TrainingSession.Snapshot;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Commits snapshots while the training goes on, one at a time. Threads: the training thread calls it; files are written and listeners
 * told on the executor.
 */
final class CheckpointWriter {

    private static final Logger LOG = LoggerFactory.getLogger(CheckpointWriter.class);

    private final Checkpoints checkpoints;
    private final List<StepListener> listeners;
    private final Executor executor;
    private CompletableFuture<Void> writing = CompletableFuture.completedFuture(null);

    CheckpointWriter(Checkpoints checkpoints, List<StepListener> listeners, Executor executor) {
        this.checkpoints = checkpoints;
        this.listeners = listeners;
        this.executor = executor;
    }

    /** Reads a checkpoint that another node has checked. */
    Checkpoint read(String location) {
        return checkpoints.read(location);
    }

    /** Waits until nothing is being written: the host memory then holds no snapshot. */
    void await() {
        writing.join();
    }

    /**
     * Starts to write; call {@link #await} before taking the snapshot.
     *
     * @param generation the generation that the snapshot is of; when the run goes on without it, nothing is written and nobody told
     * @param committed told as soon as the checkpoint is on disk, before the listeners are
     * @param failed told when the checkpoint or a listener failed
     */
    void write(
            TrainerState state,
            long generation,
            Snapshot snapshot,
            Consumer<Checkpoint> committed,
            Consumer<Throwable> failed) {
        writing = CompletableFuture.runAsync(
                        () -> {
                            Checkpoint checkpoint = checkpoints.commit(state, generation, snapshot::writeTo);
                            committed.accept(checkpoint);
                            listeners.forEach(listener -> listener.saved(checkpoint.step(), checkpoint.pipeline()));
                        },
                        executor)
                .exceptionally(thrown -> {
                    Throwable cause = thrown.getCause() == null ? thrown : thrown.getCause();
                    if (cause instanceof FencedException) {
                        LOG.info(cause.getMessage());
                    } else {
                        failed.accept(cause);
                    }
                    return null;
                });
    }
}
