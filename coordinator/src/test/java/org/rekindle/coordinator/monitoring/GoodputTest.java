package org.rekindle.coordinator.monitoring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.data.UserException;
import org.rekindle.data.lanes.StageCounts;

class GoodputTest {

    private static final Offset<Double> EXACT = within(1e-9);
    private static final StageCounts.Stage NONE = new StageCounts.Stage(0, 0, 0, 0, 0);
    private static final StageCounts CHECKPOINT =
            new StageCounts(NONE, NONE, NONE, new StageCounts.Losses(0, 0, Map.of(), 0, 0), 0, 0);

    @TempDir
    Path run;

    private final AtomicLong clock = new AtomicLong(1_000_000);

    private Path file() {
        return run.resolve("goodput.jsonl");
    }

    private GoodputFile session(Map<String, String> environment) {
        return GoodputFile.open(file(), environment, clock.get(), clock::get);
    }

    private void step(GoodputFile file, long step, long generation, double seconds, boolean checkpoint) {
        clock.addAndGet((long) (1000 * seconds));
        file.committed(
                new StepMetrics(step, step, 1, 1, 1, 1, 0.25, generation, false, checkpoint ? CHECKPOINT : null));
    }

    @Test
    void everySecondIsSomewhere() throws IOException {
        GoodputFile first = session(Map.of("SLURM_JOB_ID", "7"));
        clock.addAndGet(5000);
        first.started(0, 100, 0);
        step(first, 1, 1, 12, false); // 5 and 12 s, of which 2 s are a step
        step(first, 2, 1, 2, false);
        step(first, 3, 1, 2, true);
        step(first, 4, 1, 5, false); // 3 s of it for the checkpoint
        first.saved(3, 4.5);
        step(first, 5, 2, 9, false); // 7 s of it for another generation
        step(first, 6, 2, 2, false);
        clock.addAndGet(4000);
        first.close();
        GoodputFile.requeue(file(), 6, clock.get());
        clock.addAndGet(60_000);
        GoodputFile second = session(Map.of("SLURM_JOB_ID", "7", "SLURM_RESTART_COUNT", "1"));
        clock.addAndGet(1000);
        second.started(4, 100, 0); // two steps were lost
        step(second, 5, 3, 3, false);
        step(second, 6, 3, 1, false);
        second.close();

        Goodput goodput = Goodput.of(run.toString());
        assertThat(goodput.sessions()).isEqualTo(2);
        assertThat(goodput.requeues()).isEqualTo(1);
        assertThat(goodput.away()).isEqualTo(60, EXACT);
        assertThat(goodput.starting()).isEqualTo(15 + 3, EXACT);
        assertThat(goodput.saving()).isEqualTo(3, EXACT);
        assertThat(goodput.reforming()).isEqualTo(7, EXACT);
        assertThat(goodput.ending()).isEqualTo(4, EXACT);
        assertThat(goodput.again()).isEqualTo(2 * 2, EXACT);
        assertThat(goodput.stepping()).isEqualTo(6 * 2 + 2 * 1 - 4, EXACT);
        assertThat(goodput.data()).isEqualTo(8 * 0.25, EXACT);
        assertThat(goodput.total()).isEqualTo(41 + 60 + 5, EXACT);
        assertThat(goodput.step()).isEqualTo((6 * 2 + 2 * 1) / 8.0, EXACT);
        assertThat(goodput.save()).isEqualTo(4.5, EXACT);
        assertThat(goodput.notice()).isEqualTo(60);
        assertThat(goodput.table().get(0)).contains("9.4 % of 106 s", "2 sessions, 1 requeues");
        assertThat(GoodputFile.saveSeconds(file())).isEqualTo(4.5);
        assertThat(Files.readString(file())).contains("\"job\":\"7\",\"restart\":1");
    }

    @Test
    void whatTheRunGoesBackOverIsComputedAgain() {
        GoodputFile file = session(Map.of());
        file.started(0, 100, 0);
        for (int step = 1; step <= 10; step++) {
            step(file, step, 1, 1, false);
        }
        file.started(4, 100, 4);
        for (int step = 5; step <= 8; step++) {
            step(file, step, 2, 1, false);
        }
        file.close();
        Goodput goodput = Goodput.of(run.toString());
        assertThat(goodput.again()).isEqualTo(6, EXACT);
        assertThat(goodput.stepping()).isEqualTo(8, EXACT);
    }

    @Test
    void aKilledSessionIsKnownUpToItsLastLine() throws IOException {
        GoodputFile killed = session(Map.of());
        killed.started(0, 100, 0);
        for (int step = 1; step <= 25; step++) {
            step(killed, step, 1, 1, false);
        }
        Files.writeString(file(), Files.readString(file()) + "{\"at\":12"); // what a kill may leave
        assertThat(Goodput.of(run.toString()).stepping()).isEqualTo(20, EXACT);
        clock.addAndGet(100_000);
        GoodputFile next = session(Map.of());
        next.started(0, 100, 0);
        next.close();
        assertThat(Goodput.of(run.toString()).sessions()).isEqualTo(2);
        assertThat(Goodput.of(run.toString()).away()).isEqualTo(105, EXACT);
    }

    @Test
    void aFileWithoutASessionIsToldSo() {
        GoodputFile.requeue(file(), 0);
        assertThatThrownBy(() -> Goodput.of(run.toString())).isInstanceOf(UserException.class);
    }

    @Test
    void requeuesAtOneStepAreCounted() {
        assertThat(Goodput.requeuesAt(file(), 3)).isZero();
        GoodputFile.requeue(file(), 3);
        GoodputFile.requeue(file(), 3);
        assertThat(Goodput.requeuesAt(file(), 3)).isEqualTo(2);
        GoodputFile.requeue(file(), 5);
        assertThat(Goodput.requeuesAt(file(), 3)).isZero();
        assertThat(Goodput.requeuesAt(file(), 5)).isEqualTo(1);
    }

    @Test
    void aFolderWithoutARunIsNamed() {
        assertThatThrownBy(() -> Goodput.of(run.resolve("none").toString()))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("no goodput.jsonl");
    }
}
