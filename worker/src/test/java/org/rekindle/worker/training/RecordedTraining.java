package org.rekindle.worker.training;

import ai.djl.ndarray.NDManager;
import java.nio.file.Path;
import org.rekindle.worker.diffusion.NoiseSchedule;
import org.rekindle.worker.models.UNet2DConditionModel;
import org.rekindle.worker.pipeline.Component;
import org.rekindle.worker.pipeline.PipelineDirectory;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.torchscript.Torch;
import org.rekindle.worker.torchscript.TorchModule;

/**
 * A UNet before its first step and the optimizer steps that {@code train_steps.py} took with it in diffusers.
 *
 * @param folder what the script has written
 */
public record RecordedTraining(Path folder) {

    /**
     * Takes the same steps in fp32 and compares losses (1e-4, relative) and gradient norms.
     *
     * @param normTolerance of the gradient norms, relative
     */
    public void assertSameSteps(boolean checkpointing, double normTolerance) {
        PipelineDirectory pipeline = PipelineDirectory.open(folder);
        try (NDManager manager = Torch.manager();
                TrainingGoldens goldens = new TrainingGoldens(folder.resolve("goldens.safetensors"))) {
            TorchModule unet = pipeline.load(manager, Component.UNET, ComputeType.FP32);
            UNet2DConditionModel script = (UNet2DConditionModel) pipeline.module(Component.UNET, ComputeType.FP32);
            DenoisingLoss loss = DenoisingLoss.of(
                    manager,
                    unet,
                    script,
                    NoiseSchedule.of(pipeline.config(Component.SCHEDULER)),
                    null,
                    TrainingGoldens.recomputation(script, checkpointing));
            try (Optimizer optimizer =
                    Optimizer.of(manager, unet, TrainingGoldens.ADAMW, TrainingGoldens.modelConfig(false, 0.8))) {
                new SameSteps(manager, optimizer, normTolerance)
                        .assertEqual(goldens, "", (scope, i) -> SameSteps.accumulate(scope, goldens, loss, i));
            }
        }
    }
}
