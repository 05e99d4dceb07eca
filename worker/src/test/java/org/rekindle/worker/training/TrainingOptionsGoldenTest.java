package org.rekindle.worker.training;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.rekindle.worker.diffusion.NoiseSchedule;
import org.rekindle.worker.models.UNet2DConditionModel;
import org.rekindle.worker.pipeline.SafetensorsFile;
import org.rekindle.worker.pipeline.TensorView;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.torchscript.Torch;
import org.rekindle.worker.torchscript.TorchModule;

/** Ten optimizer steps with each training option against {@code make_training_option_goldens.py}; both ends of the schedule are in. */
class TrainingOptionsGoldenTest {

    private final TrainingGoldens goldens = new TrainingGoldens();
    private final SafetensorsFile options = SafetensorsFile.open(TrainingGoldens.resource("options.safetensors"));
    private NDManager manager;

    @BeforeEach
    void open() {
        Torch.init(1);
        manager = Torch.manager();
    }

    @AfterEach
    void close() {
        manager.close();
        goldens.close();
        options.close();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "snr_epsilon",
                "snr_v_prediction",
                "snr_sample",
                "zero_snr",
                "noise_offset",
                "input_perturbation",
                "all"
            })
    void stepsEqualDiffusers(String name) throws IOException {
        JsonNode golden = new ObjectMapper()
                .readTree(TrainingGoldens.resource("options.json").toFile())
                .get(name);
        TorchModule unet = goldens.unet(manager, ComputeType.FP32);
        UNet2DConditionModel script = goldens.unetScript(ComputeType.FP32);
        DenoisingLoss loss = DenoisingLoss.of(
                manager,
                unet,
                script,
                schedule(golden),
                number(golden, "snr_gamma"),
                TrainingGoldens.recomputation(script, name.equals("all")));
        NoiseSource noises =
                new NoiseSource(loss.math(), number(golden, "noise_offset"), number(golden, "input_perturbation"));
        float[] losses = options.tensor(name + ".losses").floats();
        float[] norms = options.tensor(name + ".norms").floats();

        try (Optimizer optimizer = Optimizer.of(manager, unet, TrainingGoldens.ADAMW, TrainingGoldens.MODEL)) {
            for (int step = 0; step < TrainingGoldens.STEPS; step++) {
                try (NDManager scope = manager.newSubManager()) {
                    NDArray measured = optimizer.measure(scope, List.of(accumulate(scope, loss, noises, step)));
                    optimizer.update(measured, TrainingGoldens.LEARNING_RATE.at(step));
                    optimizer.zeroGradients();
                    double[] values = measured.toDoubleArray();
                    assertThat(values[0]).as("loss of step %d", step).isCloseTo(losses[step], percent(0.01));
                    assertThat(values[1]).as("gradient norm of step %d", step).isCloseTo(norms[step], percent(0.1));
                }
            }
        }
    }

    private NDArray accumulate(NDManager scope, DenoisingLoss loss, NoiseSource noises, int step) {
        NDArray latents = goldens.array(scope, "latents", step);
        Noise noise = noises.draw(scope, new GivenDraws(step), latents.getShape());
        return loss.accumulate(
                scope,
                latents,
                noise,
                new GivenDraws(step).uniform("", 2, 0),
                goldens.array(scope, "states", step),
                1,
                null);
    }

    /** The draws that Python made. */
    private final class GivenDraws implements Draws {
        private final int step;

        GivenDraws(int step) {
            this.step = step;
        }

        @Override
        public float[] normal(String purpose, int count) {
            float[] all = purpose.equals(NOISE)
                    ? goldens.floats("noise")
                    : options.tensor(purpose.replace(' ', '_')).floats();
            assertThat(all).hasSize(TrainingGoldens.STEPS * count);
            return Arrays.copyOfRange(all, step * count, (step + 1) * count);
        }

        @Override
        public int[] uniform(String purpose, int count, int bound) {
            TensorView timesteps = options.tensor("timesteps");
            int[] values = new int[count];
            for (int i = 0; i < count; i++) {
                values[i] = (int) timesteps.data().getLong(8 * (step * count + i));
            }
            return values;
        }
    }

    @ParameterizedTest
    @CsvSource({"epsilon,true", "v_prediction,false", "sample,false"})
    void atZeroSnrTheWeightedLossIsFiniteAndOnlyTheNoiseCounts(String type, boolean counts) {
        ObjectNode config = goldens.config("schedule").put("prediction_type", type);
        NoiseSchedule schedule = NoiseSchedule.of(config.put("rescale_betas_zero_snr", true));
        TorchModule unet = goldens.unet(manager, ComputeType.FP32);
        unet.setTrainable(true);
        DenoisingLoss loss = DenoisingLoss.of(
                manager, unet, goldens.unetScript(ComputeType.FP32), schedule, 5.0, Recomputation.always(Set.of()));

        NDArray mean = loss.accumulate(
                manager,
                goldens.array(manager, "latents", 0),
                Noise.of(goldens.array(manager, "noise", 0)),
                new int[] {999, 999},
                goldens.array(manager, "states", 0),
                1,
                null);

        float value = mean.toFloatArray()[0];
        float gradient =
                Torch.gradient(manager, unet.parameters().get("conv_out.bias")).toFloatArray()[0];
        assertThat(value).isFinite();
        assertThat(gradient).isFinite();
        assertThat(value > 0).isEqualTo(counts);
        assertThat(gradient != 0).isEqualTo(counts);
    }

    private NoiseSchedule schedule(JsonNode golden) {
        ObjectNode config = goldens.config("schedule");
        for (String key : List.of("prediction_type", "rescale_betas_zero_snr")) {
            if (golden.has(key)) {
                config.set(key, golden.get(key));
            }
        }
        return NoiseSchedule.of(config);
    }

    private static Double number(JsonNode golden, String key) {
        return golden.has(key) ? golden.get(key).asDouble() : null;
    }

    private static Percentage percent(double percent) {
        return Percentage.withPercentage(percent);
    }
}
