package org.rekindle.worker.interop;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.rekindle.worker.training.RecordedTraining;

/** Ten optimizer steps with fixed noise, of UNets and schedules drawn by seed, have the losses that diffusers gets. */
@Tag("interop")
class TrainingInteropTest {

    private static final double NORM = 1e-3;

    @TempDir
    static Path folder;

    static List<Integer> seeds() {
        return Seeds.all();
    }

    @BeforeAll
    static void train() throws Exception {
        List<Object> arguments = new ArrayList<>(List.of(folder));
        arguments.addAll(Seeds.all());
        Python.run(folder, "train_steps.py", arguments.toArray());
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void lossesEqual(int seed) {
        boolean checkpointing = seed % 2 == 0;
        new RecordedTraining(folder.resolve(Integer.toString(seed))).assertSameSteps(checkpointing, NORM);
    }
}
