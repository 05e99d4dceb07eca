package org.rekindle.worker.diffusion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Schedules and trajectories equal diffusers'; {@code make_scheduler_goldens.py} made the file. */
class SchedulerGoldenTest {

    /** Relative to the largest number before or after a step; with zero terminal SNR the first one takes thousands down to tens. */
    private static final float TOLERANCE = 1e-5f;

    private static final JsonNode GOLDENS = goldens();

    private static JsonNode goldens() {
        try (InputStream in = SchedulerGoldenTest.class.getResourceAsStream("/scheduler-goldens.json")) {
            return new ObjectMapper().readTree(in);
        } catch (IOException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    static Stream<JsonNode> trajectories() {
        return StreamSupport.stream(GOLDENS.get("trajectories").spliterator(), false);
    }

    static Stream<JsonNode> schedules() {
        return StreamSupport.stream(GOLDENS.get("schedules").spliterator(), false);
    }

    @ParameterizedTest
    @MethodSource("trajectories")
    void everySampleOfTheTrajectoryEqualsDiffusers(JsonNode golden) {
        Scheduler scheduler = Scheduler.of(
                (ObjectNode) golden.get("config"),
                golden.get("scheduler").asText(),
                golden.get("num_inference_steps").asInt());
        float[] timesteps = scheduler.timesteps();
        assertThat(timesteps).containsExactly(floats(golden.get("timesteps")), within(1e-4f));
        float[] sample = floats(GOLDENS.get("sample"));
        for (int k = 0; k < sample.length; k++) {
            sample[k] *= scheduler.initNoiseSigma();
        }
        for (int i = 0; i < timesteps.length; i++) {
            float[] before = sample.clone();
            float[] output = scheduler.scaleModelInput(i, sample).clone();
            for (int k = 0; k < output.length; k++) {
                output[k] = 0.5f * output[k] + (timesteps[i] - 300) / 2000f;
            }
            float[] next = scheduler.step(i, output, sample, SchedulerGoldenTest::noise);
            assertThat(sample).as("the step leaves its input alone").containsExactly(before);
            float[] expected = floats(golden.get("samples").get(i));
            float largest = Math.max(largest(before), largest(expected));
            assertThat(next).as("step %d", i).containsExactly(expected, within(TOLERANCE * largest));
            sample = expected;
        }
    }

    private static float largest(float[] values) {
        float largest = 0;
        for (float value : values) {
            largest = Math.max(largest, Math.abs(value));
        }
        return largest;
    }

    /** As the script: turned left by one number a step. */
    private static float[] noise(int step) {
        float[] noise = floats(GOLDENS.get("noise"));
        float[] turned = new float[noise.length];
        for (int k = 0; k < noise.length; k++) {
            turned[k] = noise[(k + step) % noise.length];
        }
        return turned;
    }

    @ParameterizedTest
    @MethodSource("schedules")
    void alphasCumprodEqualDiffusers(JsonNode golden) {
        NoiseSchedule schedule = NoiseSchedule.of((ObjectNode) golden.get("config"));
        float[] expected = floats(golden.get("alphas_cumprod"));
        assertThat(schedule.numTrainTimesteps()).isEqualTo(expected.length);
        for (int t = 0; t < expected.length; t++) {
            assertThat(schedule.alphaCumprod(t))
                    .as("timestep %d", t)
                    .isCloseTo(expected[t], within(1e-7 + 1e-6 * expected[t]));
        }
    }

    private static float[] floats(JsonNode array) {
        float[] values = new float[array.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) array.get(i).asDouble();
        }
        return values;
    }
}
