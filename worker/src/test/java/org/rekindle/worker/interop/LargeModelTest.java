package org.rekindle.worker.interop;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDManager;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.data.ProcessUsage;
import org.rekindle.worker.pipeline.Component;
import org.rekindle.worker.pipeline.PipelineDirectory;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.torchscript.Torch;
import org.rekindle.worker.torchscript.TorchModule;
import org.rekindle.worker.training.RecordedTraining;

/**
 * The UNet of Stable Diffusion 1.5 with random weights: 860M parameters, 32 x 32 latents (256 px), batch 1, checkpointing. Needs 16 GiB
 * of free memory, one of the two programs after the other, and so a tag of its own.
 */
@Tag("large")
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class LargeModelTest {

    private static final Path STATUS = Path.of("/proc/self/status");
    private static final long WEIGHTS = 859_520_964L * Float.BYTES;
    private static final double TOLERANCE = 1e-4;

    @TempDir
    static Path folder;

    @BeforeAll
    static void takeTheStepInPython() throws Exception {
        Torch.init(Runtime.getRuntime().availableProcessors());
        String line = Python.run(
                folder,
                Duration.ofHours(1),
                "train_steps.py",
                folder,
                1,
                "--steps=1",
                "--config={\"cross_attention_dim\": 768}",
                "--batch=1",
                "--size=32",
                "--tokens=77",
                "--threads=" + Runtime.getRuntime().availableProcessors(),
                "--checkpointing");
        System.out.println("large: diffusers: " + line);
    }

    @Test
    @Order(1)
    void loadingTakesLittleMoreThanTheWeights() throws Exception {
        long before = memory();
        AtomicLong peak = new AtomicLong();
        AtomicBoolean loaded = new AtomicBoolean();
        Thread watch = new Thread(() -> {
            while (!loaded.get()) {
                peak.accumulateAndGet(memory(), Math::max);
            }
        });
        watch.start();
        try (NDManager manager = Torch.manager();
                TorchModule unet =
                        PipelineDirectory.open(folder.resolve("1")).load(manager, Component.UNET, ComputeType.FP32)) {
            loaded.set(true);
            watch.join();
            assertThat(unet.parameters()).isNotEmpty();
        }
        System.out.printf("large: loading: %d bytes of weights, %d at the peak%n", WEIGHTS, peak.get() - before);
        assertThat(peak.get() - before).isBetween(WEIGHTS, WEIGHTS + WEIGHTS / 5);
    }

    @Test
    @Order(2)
    void aStepFitsAndEqualsThatOfDiffusers() {
        long before = System.nanoTime();
        long cpuBefore = ProcessUsage.cpuNanos();
        new RecordedTraining(folder.resolve("1")).assertSameSteps(true, TOLERANCE);
        double seconds = (System.nanoTime() - before) / 1e9;
        double cpuSeconds = (ProcessUsage.cpuNanos() - cpuBefore) / 1e9;
        long peak = ProcessUsage.peakRssBytes();
        System.out.printf(
                "large: Rekindle, with loading: %.1f s, %.1f s of processor time, %d bytes at the peak%n",
                seconds, cpuSeconds, peak);
        assertThat(peak).isLessThan(22L << 30);
    }

    /** All that is resident now, mapped files too. */
    private static long memory() {
        try {
            return Files.readAllLines(STATUS).stream()
                    .filter(line -> line.startsWith("VmRSS:"))
                    .mapToLong(line -> 1024 * Long.parseLong(line.replaceAll("\\D", "")))
                    .findFirst()
                    .orElseThrow();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }
}
