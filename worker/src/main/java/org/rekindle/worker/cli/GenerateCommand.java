package org.rekindle.worker.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.rekindle.coordinator.config.CommandOptions;
import org.rekindle.data.UserException;
import org.rekindle.worker.diffusion.Generation;
import org.rekindle.worker.diffusion.PromptList;
import org.rekindle.worker.diffusion.TextToImage;
import org.rekindle.worker.pipeline.PipelineDirectory;
import org.rekindle.worker.pipeline.SafetensorsFile;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.torchscript.Torch;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code rekindle generate}. */
@Command(
        name = "generate",
        description = "Draws pictures: generate pipeline=DIR prompts=FILE.csv|prompt=\"...\" out=DIR"
                + " [scheduler=ddim|pndm] [num_inference_steps=50] [guidance_scale=7.5] [seed=0]"
                + " [latents=FILE.safetensors] [precision=fp32|bf16] [threads=N]")
final class GenerateCommand implements Callable<Integer> {

    @Mixin
    private KeyValues keyValues;

    /**
     * @param pipeline a diffusers pipeline folder
     * @param prompts CSV with the columns uid and caption
     * @param prompt one caption, instead of prompts
     * @param out folder for {@code UID.png} and {@code grid.png}
     */
    record Options(
            String pipeline,
            String prompts,
            String prompt,
            String out,
            String scheduler,
            Integer numInferenceSteps,
            Double guidanceScale,
            Long seed,
            String latents,
            String precision,
            Integer threads) {

        Options {
            numInferenceSteps = numInferenceSteps == null ? 50 : numInferenceSteps;
            guidanceScale = guidanceScale == null ? 7.5 : guidanceScale;
            seed = seed == null ? 0L : seed;
        }
    }

    @Override
    public Integer call() throws InterruptedException {
        Options options = CommandOptions.read("generate", keyValues.list(), Options.class, "pipeline", "out");
        check(options);
        List<PromptList.Entry> prompts = prompts(options);
        Torch.init(options.threads());
        PipelineDirectory pipeline = PipelineDirectory.open(Path.of(options.pipeline()));
        SafetensorsFile latents = options.latents() == null ? null : SafetensorsFile.open(Path.of(options.latents()));
        try (TextToImage textToImage = TextToImage.open(pipeline, ComputeType.of(options.precision()))) {
            TextToImage.Settings settings =
                    new TextToImage.Settings(options.scheduler(), options.numInferenceSteps(), options.guidanceScale());
            Path grid = new Generation(textToImage, settings, options.seed())
                    .write(
                            prompts,
                            latents,
                            Path.of(options.out()),
                            done -> System.out.println(done + "/" + prompts.size() + " images"));
            System.out.println(grid);
        }
        return 0;
    }

    private static void check(Options options) {
        if (!Double.isFinite(options.guidanceScale())) {
            throw new UserException(
                    "generate: guidance_scale=" + options.guidanceScale() + " is no finite number, such as 7.5");
        }
        if (options.threads() != null && options.threads() < 1) {
            throw new UserException(
                    "generate: threads=" + options.threads() + " is less than 1; leave it out for all cores");
        }
    }

    private static List<PromptList.Entry> prompts(Options options) {
        if ((options.prompt() == null) == (options.prompts() == null)) {
            throw new UserException("generate: give either prompt=\"...\" or prompts=FILE.csv (columns uid,caption)");
        }
        return options.prompt() != null
                ? List.of(new PromptList.Entry("0", options.prompt()))
                : PromptList.read(Path.of(options.prompts()));
    }
}
