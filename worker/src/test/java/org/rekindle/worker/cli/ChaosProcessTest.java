package org.rekindle.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The small form of {@code chaos}: real workers, two of which are killed. */
class ChaosProcessTest {

    @TempDir
    Path folder;

    private static String[] chaos(String... settings) {
        String[] all = new String[settings.length + 6];
        all[0] = "chaos";
        all[1] = "config=" + CommandRun.TINY;
        all[2] = "experiment.log_dir=.";
        all[3] = "experiment.num_eval_images=1";
        all[4] = "experiment.num_examples_to_see=4000";
        all[5] = "workers=2";
        System.arraycopy(settings, 0, all, 6, settings.length);
        return all;
    }

    @Test
    void twoKillsChangeNothing() throws Exception {
        RekindleProcess run = RekindleProcess.start(folder, chaos("scenario=kill", "times=2"));
        run.awaitSuccess();
        assertThat(run.output())
                .contains(
                        "scenario   kill, 2 times, 2 workers, seed 0",
                        "verify     holds",
                        "each with the same examples")
                .doesNotContain("problem");
    }

    @Test
    void whatIsWrongIsOneLine() {
        CommandRun.of(chaos("scenario=earthquake")).assertOneLine(1, "scenario=earthquake", "disk-full", "nan");
        CommandRun.of(chaos("scenario=kill", "times=0")).assertOneLine(1, "times=0", "at least 1");
        CommandRun.of(chaos("scenario=kill", "times=5000")).assertOneLine(1, "times=5000 is too often for");
        CommandRun.of("launch", "--nproc", "0", "config=" + CommandRun.TINY).assertOneLine(1, "--nproc 0");
        CommandRun.of("bench", "ring", "workers=1").assertOneLine(1, "workers=1", "at least 2");
        CommandRun.of("status", "url=http://127.0.0.1:1")
                .assertOneLine(1, "url=http://127.0.0.1:1", "no node of a run");
    }
}
