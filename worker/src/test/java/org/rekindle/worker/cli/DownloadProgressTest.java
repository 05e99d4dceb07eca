package org.rekindle.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class DownloadProgressTest {

    private static final long SECOND = 1_000_000_000L;

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final AtomicLong clock = new AtomicLong();

    @Test
    void elsewhereThanOnATerminalALineComesForEachFileAndEveryTenSeconds() {
        try (DownloadProgress progress = open(false)) {
            progress.started("a/b at main, commit c", 2, 40_000_500);
            progress.at("config.json", 500);
            progress.fetched("config.json", 500);
            for (int second = 1; second <= 20; second++) {
                clock.addAndGet(SECOND);
                progress.at("weights", second * 2_000_000L);
            }
            progress.message("weights: cut; next attempt in 1 s");
            clock.addAndGet(10 * SECOND);
            progress.at("weights", 0);
            progress.fetched("weights", 40_000_000);
        }

        assertThat(text().lines())
                .containsExactly(
                        "a/b at main, commit c: 2 files to fetch, 40.0 MB",
                        "config.json (0.5 kB)",
                        "20.0 MB of 40.0 MB",
                        "40.0 MB of 40.0 MB",
                        "weights: cut; next attempt in 1 s",
                        "0.5 kB of 40.0 MB",
                        "weights (40.0 MB)");
    }

    @Test
    void onATerminalABarShowsBytes() {
        try (DownloadProgress progress = open(true)) {
            progress.started("a/b at main, commit c", 1, 40_000_000);
            progress.at("weights", 40_000_000);
        }

        assertThat(text()).contains("download").contains("100%").contains("40/40 MB");
    }

    @Test
    void nothingToFetchIsNoBar() {
        try (DownloadProgress progress = open(true)) {
            progress.started("a/b at main, commit c", 0, 0);
        }

        assertThat(text()).isEqualToIgnoringNewLines("a/b at main, commit c: every file is there");
    }

    private DownloadProgress open(boolean terminal) {
        return new DownloadProgress(new PrintStream(bytes, true, StandardCharsets.UTF_8), terminal, clock::get);
    }

    private String text() {
        return bytes.toString(StandardCharsets.UTF_8);
    }
}
