package org.rekindle.worker.training;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class GpuTest {

    @Test
    void nameAndMemoryAreRead() {
        assertThat(Gpu.parse("NVIDIA A100-SXM4-80GB, 1024\n")).contains(new Gpu("NVIDIA A100-SXM4-80GB", 1L << 30));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "No devices were found", "NVIDIA L4, [N/A]"})
    void otherAnswersTellNothing(String answer) {
        assertThat(Gpu.parse(answer)).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "NVIDIA H100 80GB HBM3, 989, 67",
        "NVIDIA H100 PCIe, 756, 51",
        "NVIDIA H200, 989, 67",
        "NVIDIA A100-PCIE-40GB, 312, 19.5",
        "NVIDIA A100 80GB PCIe, 312, 19.5",
        "NVIDIA GeForce RTX 3090, 71, 35.6",
        "NVIDIA GeForce RTX 4090, 165.2, 82.6"
    })
    void peaksAreThoseOfTheDataSheets(String name, double bf16, double fp32) {
        Gpu gpu = new Gpu(name, 0);

        assertThat(gpu.peakTeraflops(true)).contains(bf16);
        assertThat(gpu.peakTeraflops(false)).contains(fp32);
    }

    @ParameterizedTest
    @ValueSource(strings = {"NVIDIA H200 NVL", "NVIDIA GeForce RTX 3090 Ti", "NVIDIA T4"})
    void ofOtherDevicesNoPeakIsGuessed(String name) {
        assertThat(new Gpu(name, 0).peakTeraflops(true)).isEmpty();
    }
}
