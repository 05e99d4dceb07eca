package org.rekindle.worker.training;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.rekindle.coordinator.checkpoints.Checkpoint;
import org.rekindle.coordinator.checkpoints.TrainerState;
import org.rekindle.data.lanes.LaneBatch;
import org.rekindle.worker.collectives.Collective;

/**
 * A session whose one weight is a hash over the steps and the examples that trained it, in order: two runs have the same weight only
 * if they saw the same examples at the same steps.
 */
class FakeSession implements TrainingSession {

    final List<String> trainedOn = new ArrayList<>();
    final Set<Thread> threads = ConcurrentHashMap.newKeySet();
    long weight;
    long validateEvery = Long.MAX_VALUE;
    volatile boolean closed;
    volatile long millisPerStep;
    private List<String> gradients;

    FakeSession(TrainerState start) {
        threads.add(Thread.currentThread());
        weight = weight(start);
    }

    @Override
    public StepResult computeGradients(long step, List<LaneBatch> batches, int lanes) {
        threads.add(Thread.currentThread());
        LockSupport.parkNanos(millisPerStep * 1_000_000);
        gradients = new ArrayList<>();
        batches.forEach(batch -> gradients.addAll(batch.keys()));
        return new StepResult(batches.size() * 2.0, 1.0, true);
    }

    @Override
    public double reduceSeconds() {
        return 0;
    }

    @Override
    public void endWhere(BooleanSupplier isOver) {
        // its steps are short
    }

    @Override
    public void reduceOver(Collective collective) {
        // It has no gradients.
    }

    @Override
    public void transfer(Collective collective, int source, boolean takes) {
        ByteBuffer bytes = ByteBuffer.allocateDirect(Long.BYTES).order(ByteOrder.nativeOrder());
        collective.broadcast(source, List.of(bytes.putLong(0, weight)));
        if (takes) {
            weight = bytes.getLong(0);
        }
    }

    @Override
    public void restore(Checkpoint checkpoint) {
        weight = weight(checkpoint.state());
    }

    private static long weight(TrainerState state) {
        return state.session() == null ? 1 : state.session().get("weight").asLong();
    }

    @Override
    public void apply(long step) {
        threads.add(Thread.currentThread());
        weight = 31 * (31 * weight + step) + gradients.hashCode();
        trainedOn.addAll(gradients);
        gradients = null;
    }

    @Override
    public void discard() {
        gradients = null;
    }

    @Override
    public OptionalDouble validationLoss(long step) {
        return step % validateEvery == 0 ? OptionalDouble.of(weight) : OptionalDouble.empty();
    }

    @Override
    public Snapshot snapshot() {
        threads.add(Thread.currentThread());
        long copy = weight;
        return new Snapshot() {
            @Override
            public void writeTo(Path folder) {
                try {
                    Files.createDirectories(folder.resolve("pipeline"));
                    Files.writeString(folder.resolve("pipeline/weight.txt"), Long.toString(copy));
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            }

            @Override
            public ObjectNode state() {
                return JsonNodeFactory.instance.objectNode().put("weight", copy);
            }
        };
    }

    @Override
    public void contribute() {
        // Rank 0 has it all.
    }

    @Override
    public void close() {
        threads.add(Thread.currentThread());
        closed = true;
    }
}
