package org.rekindle.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.rekindle.worker.SharedLibrary;

/** Nothing that a training computes may depend on what memory held before. */
class UnclearedMemoryProcessTest {

    @TempDir
    Path folder;

    /** Of channels that fill no block of oneDNN's; with pictures drawn at the end. */
    @ParameterizedTest
    @ValueSource(strings = {"fp32", "bf16"})
    void memoryFullOfNanChangesNoBitOfATraining(String precision) throws Exception {
        Path nan = SharedLibrary.compile("memory/uncleared.c", folder);
        assumeTrue(nan != null, "skipped: no gcc to compile the preloaded library with");
        RekindleProcess.start(folder, arguments("usual", precision)).awaitSuccess();
        RekindleProcess.startWith(Map.of("LD_PRELOAD", nan.toString()), folder, arguments("nan", precision))
                .awaitSuccess();

        RunFiles usual = new RunFiles(folder.resolve("runs/usual"));
        assertThat(usual.steps()).hasSize(8).noneMatch(step -> step.path("skipped")
                .asBoolean());
        assertThat(new RunFiles(folder.resolve("runs/nan")).losses()).isEqualTo(usual.losses());
    }

    private static String[] arguments(String name, String precision) {
        return new String[] {
            "train",
            "config=" + CommandRun.TINY,
            "experiment.log_dir=runs",
            "experiment.name=" + name,
            "experiment.num_examples_to_see=64",
            "model.unet.params.block_out_channels=[12,24]",
            "model.mixed_precision=" + precision
        };
    }
}
