package org.rekindle.worker.collectives;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RingBenchmarkTest {

    @ParameterizedTest
    @CsvSource({"2,1.0,false", "3,1.3333,true"})
    void theRingAndPlainCopiesAreTimed(int worldSize, double perLink, boolean bf16) throws Exception {
        RingBenchmark.Result result = RingBenchmark.run(worldSize, 4 << 20, 3, bf16);
        assertThat(result.worldSize()).isEqualTo(worldSize);
        assertThat(result.bytes()).isEqualTo(4 << 20);
        assertThat(result.linkGigabytesPerSecond() / result.gigabytesPerSecond())
                .isCloseTo(perLink, within(1e-3));
        assertThat(result.gigabytesPerSecond()).isBetween(1e-3, 1e3);
        assertThat(result.socketGigabytesPerSecond()).isBetween(1e-3, 1e3);
        assertThat(result.busySocketGigabytesPerSecond()).isBetween(1e-3, 1e3);
    }
}
