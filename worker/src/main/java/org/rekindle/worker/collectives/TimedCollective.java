package org.rekindle.worker.collectives;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;

/** A collective that knows how long its calls took. Threads: as {@link Collective}. */
public final class TimedCollective implements Collective {

    private final Collective collective;
    private long nanos;

    public TimedCollective(Collective collective) {
        this.collective = collective;
    }

    /** Seconds in calls since the last time that this was asked. */
    public double takeSeconds() {
        double seconds = nanos / 1e9;
        nanos = 0;
        return seconds;
    }

    @Override
    public int rank() {
        return collective.rank();
    }

    @Override
    public int worldSize() {
        return collective.worldSize();
    }

    @Override
    public void connect(Duration timeout) {
        collective.connect(timeout);
    }

    @Override
    public void allReduceSum(List<ByteBuffer> data) {
        timed(() -> collective.allReduceSum(data));
    }

    @Override
    public void reduceScatter(List<List<ByteBuffer>> parts) {
        timed(() -> collective.reduceScatter(parts));
    }

    @Override
    public void allGather(List<List<ByteBuffer>> parts) {
        timed(() -> collective.allGather(parts));
    }

    @Override
    public void broadcast(int root, List<ByteBuffer> data) {
        timed(() -> collective.broadcast(root, data));
    }

    @Override
    public double[] gather(double own) {
        double[][] all = new double[1][];
        timed(() -> all[0] = collective.gather(own));
        return all[0];
    }

    private void timed(Runnable call) {
        long start = System.nanoTime();
        call.run();
        nanos += System.nanoTime() - start;
    }

    @Override
    public void abort() {
        collective.abort();
    }

    @Override
    public void close() {
        collective.close();
    }
}
