package org.rekindle.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class CountProgressTest {

    @Test
    void aLineAfterTheFirstBatchEveryTenSecondsAndAtTheEnd() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        AtomicLong seconds = new AtomicLong();
        try (CountProgress progress = new CountProgress(
                new PrintStream(bytes, true), false, "images", 50, () -> TimeUnit.SECONDS.toNanos(seconds.get()))) {
            for (int done = 8; done < 50; done += 8) {
                seconds.addAndGet(4);
                progress.done(done);
            }
            seconds.addAndGet(4);
            progress.done(50);
        }
        assertThat(bytes.toString(StandardCharsets.UTF_8).lines())
                .containsExactly(
                        "8/50 images, 2.00 images/s", "32/50 images, 2.00 images/s", "50/50 images, 1.79 images/s");
    }
}
