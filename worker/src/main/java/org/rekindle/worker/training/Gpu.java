package org.rekindle.worker.training;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What {@code nvidia-smi}, which comes with the driver, tells of the GPU that PyTorch takes first; DJL tells neither its name nor what
 * PyTorch's allocator holds.
 *
 * @param name such as {@code NVIDIA H100 80GB HBM3}
 * @param usedBytes memory in use by all processes. PyTorch's allocator keeps what it once had, so after some steps this is the peak, the
 *     driver's own part included
 */
public record Gpu(String name, long usedBytes) {

    private static final Pattern LINE = Pattern.compile("(.+), (\\d+)");

    /** Empty where nvidia-smi is not there or says something else. */
    static Optional<Gpu> first() {
        String visible = System.getenv().getOrDefault("CUDA_VISIBLE_DEVICES", "0");
        try {
            Process process = new ProcessBuilder(
                            "nvidia-smi",
                            "--query-gpu=name,memory.used",
                            "--format=csv,noheader,nounits",
                            "--id=" + visible.split(",")[0])
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            String line = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return process.waitFor(10, TimeUnit.SECONDS) && process.exitValue() == 0 ? parse(line) : Optional.empty();
        } catch (IOException e) {
            return Optional.empty();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return Optional.empty();
        }
    }

    /** @param line name and MiB, as in {@code NVIDIA H100 80GB HBM3, 1234} */
    static Optional<Gpu> parse(String line) {
        Matcher matcher = LINE.matcher(line.strip());
        return matcher.matches()
                ? Optional.of(new Gpu(matcher.group(1), Long.parseLong(matcher.group(2)) << 20))
                : Optional.empty();
    }

    /** Operations per second that the chip is made for, in 1e12, dense. */
    private record Peak(double bf16, double fp32) {}

    /**
     * By words of the name, the more telling ones apart. Tensor cores for bf16 with fp32 sums, plain cores for fp32, as NVIDIA gives them,
     * without sparsity: H100 and H200 data sheets (half of what they give "with sparsity"), A100 data sheet, GA102 whitepaper v2 (appendix
     * A, RTX 3090), Ada whitepaper v2 (appendix A, RTX 4090).
     */
    private static final Map<Pattern, Peak> PEAKS = Map.of(
            Pattern.compile("NVIDIA H100 80GB HBM3"), new Peak(989, 67),
            Pattern.compile("NVIDIA H100 PCIe"), new Peak(756, 51),
            Pattern.compile("NVIDIA H200"), new Peak(989, 67),
            Pattern.compile("NVIDIA A100.*"), new Peak(312, 19.5),
            Pattern.compile("NVIDIA GeForce RTX 3090"), new Peak(71, 35.6),
            Pattern.compile("NVIDIA GeForce RTX 4090"), new Peak(165.2, 82.6));

    /**
     * The peak in 1e12 operations per second; empty for a device that is not in the table.
     *
     * @param bf16 or else fp32
     */
    Optional<Double> peakTeraflops(boolean bf16) {
        return PEAKS.entrySet().stream()
                .filter(entry -> entry.getKey().matcher(name).matches())
                .map(entry -> bf16 ? entry.getValue().bf16() : entry.getValue().fp32())
                .findFirst();
    }
}
