package org.rekindle.worker.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.List;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.rekindle.coordinator.config.ObjectiveConfig;
import org.rekindle.data.lanes.BatchContent;
import org.rekindle.data.lanes.LaneBatch;
import org.rekindle.data.lanes.LaneCursor;
import org.rekindle.worker.models.UNet2DConditionModel;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.torchscript.Torch;
import org.rekindle.worker.torchscript.TorchModule;

/** Ten optimizer steps against the same steps of diffusers and PyTorch in Python. */
class TrainingStepGoldenTest {

    private final TrainingGoldens goldens = new TrainingGoldens();
    private NDManager manager;

    @BeforeEach
    void open() {
        Torch.init(1); // tensors this small are slower with more
        manager = Torch.manager();
    }

    @AfterEach
    void close() {
        manager.close();
        goldens.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"epsilon", "v_prediction", "sample"})
    void denoisingStepsEqualDiffusers(String predictionType) {
        TorchModule unet = goldens.unet(manager, ComputeType.FP32);
        DenoisingLoss loss = denoising(unet, predictionType, ComputeType.FP32, false);

        try (Optimizer optimizer = Optimizer.of(manager, unet, TrainingGoldens.ADAMW, TrainingGoldens.MODEL)) {
            steps(optimizer).assertEqual(goldens, predictionType + ".", (scope, i) -> accumulate(scope, loss, i));

            assertThat(optimizer.ema().get("conv_out.weight").toFloatArray())
                    .containsExactly(goldens.floats(predictionType + ".ema.conv_out.weight"), within(2e-5f));
            assertThat(optimizer.parameters().get("conv_out.weight").toFloatArray())
                    .containsExactly(goldens.floats(predictionType + ".weight.conv_out.weight"), within(2e-5f));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"l1", "mse"})
    void autoencoderStepsEqualDiffusers(String reconstruction) {
        TorchModule vae = goldens.vae(manager);
        AutoencoderObjective objective = AutoencoderObjective.of(
                manager, batch -> 0, vae, new ObjectiveConfig.Params(1e-2, reconstruction, null, null, null));
        ImageBatch images = new ImageBatch(objective.latentMath());

        try (Optimizer optimizer = Optimizer.of(manager, vae, TrainingGoldens.ADAMW, TrainingGoldens.MODEL)) {
            steps(optimizer).assertEqual(goldens, reconstruction + ".", (scope, step) -> {
                LaneBatch batch = new LaneBatch(
                        0,
                        new BatchContent.Pixels(goldens.rgb(step), 16, 16),
                        List.of("", ""),
                        List.of("", ""),
                        LaneCursor.START,
                        LaneCursor.START);
                NDArray noise = goldens.array(scope, "posterior_noise", step);
                return objective.accumulate(
                        scope,
                        images.pixels(scope, batch),
                        moments -> objective
                                .latentMath()
                                .call(scope, "sample", moments, noise)
                                .singletonOrThrow(),
                        1);
            });
        }
    }

    @Test
    void divergenceEqualsDiffusers() {
        TorchModule loss = TorchModule.load(manager, new AutoencoderLoss(1, false));

        float[] nats = loss.call(manager, "kl", goldens.array(manager, "kl.moments"))
                .singletonOrThrow()
                .toFloatArray();

        float[] expected = goldens.floats("kl.nats");
        assertThat(nats).hasSameSizeAs(expected);
        for (int i = 0; i < nats.length; i++) {
            assertThat(nats[i]).isCloseTo(expected[i], Percentage.withPercentage(1e-3));
        }
    }

    @Test
    void recomputedActivationsGiveTheSameGradientsBitForBit() {
        float[][] plain = gradients(false);
        float[][] checkpointed = gradients(true);

        assertThat(checkpointed).isDeepEqualTo(plain);
    }

    @Test
    void bf16LossesStayWithinOnePercent() {
        TorchModule unet = goldens.unet(manager, ComputeType.BF16);
        DenoisingLoss loss = denoising(unet, "epsilon", ComputeType.BF16, false);
        float[] expected = goldens.floats("epsilon.losses");

        try (Optimizer optimizer = Optimizer.of(manager, unet, TrainingGoldens.ADAMW, TrainingGoldens.MODEL)) {
            for (int step = 0; step < TrainingGoldens.STEPS; step++) {
                double[] measured = steps(optimizer).take(step, (scope, i) -> accumulate(scope, loss, i));
                assertThat(measured[0])
                        .as("loss of step %d", step)
                        .isCloseTo(expected[step], Percentage.withPercentage(1));
            }
        }
    }

    private float[][] gradients(boolean checkpointing) {
        TorchModule unet = goldens.unet(manager, ComputeType.FP32);
        unet.setTrainable(true);
        try (NDManager scope = manager.newSubManager()) {
            accumulate(scope, denoising(unet, "epsilon", ComputeType.FP32, checkpointing), 0);
            return unet.parameters().values().stream()
                    .map(parameter -> Torch.gradient(scope, parameter).toFloatArray())
                    .toArray(float[][]::new);
        }
    }

    private DenoisingLoss denoising(TorchModule unet, String predictionType, ComputeType type, boolean checkpointing) {
        UNet2DConditionModel script = goldens.unetScript(type);
        return DenoisingLoss.of(
                manager,
                unet,
                script,
                goldens.schedule(predictionType),
                null,
                TrainingGoldens.recomputation(script, checkpointing));
    }

    private NDArray accumulate(NDManager scope, DenoisingLoss loss, int step) {
        return SameSteps.accumulate(scope, goldens, loss, step);
    }

    private SameSteps steps(Optimizer optimizer) {
        return new SameSteps(manager, optimizer, 1e-3);
    }
}
