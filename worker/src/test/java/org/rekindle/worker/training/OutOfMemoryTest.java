package org.rekindle.worker.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.engine.EngineException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.rekindle.data.UserException;

class OutOfMemoryTest {

    @ParameterizedTest
    @ValueSource(
            strings = {
                "[enforce fail at alloc_cpu.cpp:119] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to"
                        + " allocate 4000000000 bytes. Error code 12 (Cannot allocate memory)",
                "CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 79.11 GiB",
                "std::bad_alloc"
            })
    void whatLibtorchSaysOfMemoryBecomesALine(String words) {
        assertThatThrownBy(() -> OutOfMemory.told(
                        () -> {
                            throw new EngineException(words);
                        },
                        () -> "too little"))
                .isInstanceOf(UserException.class)
                .hasMessage("too little");
    }

    @Test
    void otherFailuresStayWhatTheyAre() {
        EngineException other = new EngineException("The size of tensor a (3) must match");
        assertThatThrownBy(() -> OutOfMemory.told(
                        () -> {
                            throw other;
                        },
                        () -> "too little"))
                .isSameAs(other);
    }

    @Test
    void theLineNamesTheLargestBatchThatIsPredictedToFit() {
        assertThat(OutOfMemory.ofLane(64, batch -> batch * 100_000_000L, 3_000_000_000L))
                .isEqualTo(
                        "out of memory in a lane of 64 examples: predicted are 6.40 GB, 3.00 GB were there beside models"
                                + " and optimizer; system.batch_size=27 fits (with more system.lanes a step sees as many examples);"
                                + " model.gradient_checkpointing=true takes less, too, where it is not set");
    }

    @Test
    void aPredictionThatWasTooLowCountsForHalfTheBatch() {
        assertThat(OutOfMemory.ofLane(64, batch -> batch * 10_000_000L, 3_000_000_000L))
                .contains("predicted are 640 MB, 3.00 GB were there", "system.batch_size=32 fits");
    }

    @Test
    void whereNotEvenOneExampleFitsTheLineSaysWhatElseToDo() {
        assertThat(OutOfMemory.ofLane(2, batch -> batch * 5_000_000_000L, 3_000_000_000L))
                .contains("not even one example fits: set model.gradient_checkpointing=true");
    }

    @Test
    void theLineOfLoadingSaysWhatTakesHowMuch() {
        assertThat(OutOfMemory.ofLoading(
                        StepMemory.of(860_000_000L, 860_000_000L, 200_000_000L, true, 0), 8_000_000_000L))
                .contains(
                        "predicted are 18.00 GB (weights 3.44 GB, frozen models 800 MB, gradients 3.44 GB, moments 6.88 GB,"
                                + " averages 3.44 GB), 8.00 GB were there",
                        "model.use_ema=false",
                        "dataset.type=Latents");
    }
}
