package org.rekindle.worker.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.rekindle.data.lanes.LaneBatch;
import org.rekindle.data.lanes.LaneCursor;

@Timeout(20)
class WorkerLanesTest {

    private final FakeFeeds feeds = new FakeFeeds();
    private final WorkerLanes lanes = new WorkerLanes(feeds);

    private static LaneCursor at(int offset) {
        return new LaneCursor(0, 0, 0, 0, offset);
    }

    @Test
    void aReplayGetsTheSameBatchesWithoutReadingThemAgain() {
        lanes.assign(Map.of(0, at(0), 1, at(0)));
        List<LaneBatch> first = lanes.take();
        lanes.assign(Map.of(0, at(0), 1, at(0)));
        assertThat(lanes.take()).isEqualTo(first);
        assertThat(feeds.opened).containsExactly("0@0", "1@0");
    }

    @Test
    void aCommittedStepIsFollowedByTheNextExamples() {
        lanes.assign(Map.of(0, at(0)));
        lanes.take();
        lanes.commit();
        assertThat(lanes.take().get(0).keys()).containsExactly("0#2", "0#3");
    }

    @Test
    void aLaneThatComesFromAnotherWorkerOpensAtItsCursorAndTheOthersKeepTheirStream() {
        lanes.assign(Map.of(0, at(0)));
        lanes.take();
        lanes.commit();
        lanes.assign(Map.of(0, at(2), 1, at(2)));
        assertThat(feeds.opened).containsExactly("0@0", "1@2");
        assertThat(lanes.take()).extracting(LaneBatch::before).containsExactly(at(2), at(2));
    }

    @Test
    void aLaneThatStandsElsewhereIsOpenedAnew() {
        lanes.assign(Map.of(0, at(0)));
        lanes.assign(Map.of(0, at(6)));
        assertThat(feeds.opened).containsExactly("0@0", "0@6");
        assertThat(lanes.take().get(0).keys()).startsWith("0#6");
    }

    @Test
    void closingEndsAWaitForData() throws Exception {
        feeds.stallAt = 0;
        lanes.assign(Map.of(0, at(0)));
        CompletableFuture<List<LaneBatch>> waiting = CompletableFuture.supplyAsync(lanes::take);
        feeds.stalled.await();
        lanes.close();
        assertThatThrownBy(() -> waiting.get(10, TimeUnit.SECONDS)).hasCauseInstanceOf(CancellationException.class);
        assertThatThrownBy(() -> lanes.assign(Map.of())).isInstanceOf(CancellationException.class);
    }
}
