package org.rekindle.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code train} says of a device that is not there, or that has too little memory. */
class DeviceProcessTest {

    @TempDir
    Path folder;

    @Test
    void ncclWithoutADriverIsOneLineBeforeAnythingIsMade() throws Exception {
        RekindleProcess train = RekindleProcess.start(
                folder,
                "train",
                "config=" + CommandRun.TINY,
                "experiment.log_dir=runs",
                "distributed.dist_backend=nccl");

        assertThat(train.await()).isEqualTo(1);
        assertThat(train.output().lines().filter(line -> !line.isBlank()))
                .singleElement()
                .asString()
                .startsWith("rekindle: distributed.dist_backend nccl: ")
                .endsWith("use distributed.dist_backend ring");
        assertThat(folder.resolve("runs")).doesNotExist();
    }

    /** The limit leaves the JVM what it takes, and less than the first feature maps of 64 images of 512 px. */
    @Test
    void aLaneThatDoesNotFitIsALineWithTheBatchThatIsPredictedTo() throws Exception {
        RekindleProcess train = RekindleProcess.startWithAddressSpace(
                folder,
                6_500_000,
                "train",
                "config=" + CommandRun.TINY,
                "experiment.log_dir=runs",
                "experiment.num_eval_images=0",
                "experiment.num_examples_to_see=64",
                "system.batch_size=64",
                "system.gradient_accumulation=1",
                "dataset.params.resolution=512");

        assertThat(train.await()).isEqualTo(1);
        assertThat(train.output().lines().reduce((first, last) -> last)).hasValueSatisfying(line -> assertThat(line)
                .matches("rekindle: out of memory in a lane of 64 examples: predicted are [\\d.]+ GB,"
                        + " [\\d.]+ [MG]B were there beside models and optimizer; system.batch_size=\\d+ fits .*"));
        assertThat(train.output()).doesNotContain("Exception", "\tat ");
        assertThat(folder.resolve("runs/tiny/checkpoints/step_00000001")).doesNotExist();
    }
}
