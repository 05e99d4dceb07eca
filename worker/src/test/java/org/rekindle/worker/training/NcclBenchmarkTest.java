package org.rekindle.worker.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import java.nio.file.Path;
import java.util.Collections;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.data.UserException;
import org.rekindle.worker.collectives.FakeNccl;
import org.rekindle.worker.torchscript.Torch;

@Timeout(60)
class NcclBenchmarkTest {

    @TempDir
    private static Path folder;

    private static FakeNccl fake;

    @BeforeAll
    static void compile() throws InterruptedException {
        fake = FakeNccl.compile(folder);
    }

    @BeforeEach
    void reset() {
        FakeNccl.required(fake).reset().sumsTogether();
    }

    @Test
    void eachRankSumsTheVectorAsOftenAsTold() {
        NcclBenchmark.Result result = run();
        assertThat(result.worldSize()).isEqualTo(3);
        assertThat(result.bytes()).isEqualTo(1 << 16);
        assertThat(result.gigabytesPerSecond().median()).isPositive();
        assertThat(result.busGigabytesPerSecond().p90()
                        / result.gigabytesPerSecond().p90())
                .isCloseTo(4.0 / 3, within(1e-9));
        String sum = "2 sum 16384 type 7 operation 0 in place 1 stream (nil)";
        assertThat(Collections.frequency(fake.calls(), sum)).isEqualTo(5 + 4);
    }

    @Test
    void whatNcclSaysToOneRankIsTheLine() {
        fake.answers("ncclAllReduce", 2, 5);
        assertThatThrownBy(NcclBenchmarkTest::run)
                .isInstanceOf(UserException.class)
                .hasMessageContaining("ncclAllReduce failed with result 5, invalid usage");
    }

    private static NcclBenchmark.Result run() {
        return NcclBenchmark.run(3, 1 << 16, 4, fake::over, rank -> Torch.manager(Device.cpu()));
    }
}
