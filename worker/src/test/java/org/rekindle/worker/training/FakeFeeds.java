package org.rekindle.worker.training;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import org.rekindle.data.UserException;
import org.rekindle.data.lanes.LaneBatch;
import org.rekindle.data.lanes.LaneCursor;
import org.rekindle.data.lanes.StageCounts;

/** Endless lanes of two examples a batch, numbered by the cursor's offset: lane 1's third example has the key {@code 1#2}. */
final class FakeFeeds implements WorkerLanes.Feeds {

    final List<String> opened = new CopyOnWriteArrayList<>();
    final List<String> taken = new CopyOnWriteArrayList<>();
    final CountDownLatch stalled = new CountDownLatch(1);
    /** At this offset every lane stalls until it is closed. */
    int stallAt = Integer.MAX_VALUE;
    /** At this offset every lane fails. */
    int failAt = Integer.MAX_VALUE;

    @Override
    public WorkerLanes.Feed open(int lane, LaneCursor from) {
        opened.add(lane + "@" + from.offset());
        return new WorkerLanes.Feed() {
            private final CountDownLatch closed = new CountDownLatch(1);
            private LaneCursor at = from;

            @Override
            public LaneBatch next() {
                if (at.offset() >= failAt) {
                    throw new UserException("shard lane-" + lane + ".tar is missing: put it there");
                }
                if (at.offset() >= stallAt) {
                    stall();
                }
                LaneCursor before = at;
                List<String> keys = new ArrayList<>();
                for (int i = 0; i < 2; i++) {
                    keys.add(lane + "#" + (before.offset() + i));
                }
                at = new LaneCursor(0, 0, 0, 0, before.offset() + 2);
                taken.addAll(keys);
                return new LaneBatch(lane, null, List.of("a", "b"), keys, before, at);
            }

            @Override
            public StageCounts counts() {
                return StageCounts.NONE;
            }

            private void stall() {
                stalled.countDown();
                try {
                    closed.await();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
                throw new CancellationException("closed");
            }

            @Override
            public void close() {
                closed.countDown();
            }
        };
    }
}
