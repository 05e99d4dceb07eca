package org.rekindle.worker.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.rekindle.coordinator.config.CommandOptions;
import org.rekindle.coordinator.membership.WorkerRank;
import org.rekindle.data.UserException;
import org.rekindle.worker.diffusion.Generation;
import org.rekindle.worker.diffusion.PictureFolder;
import org.rekindle.worker.diffusion.Pictures;
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
        description = {
            "Draws pictures: generate pipeline=DIR prompts=FILE.csv|prompt=\"...\" out=DIR|'NAME-{000..007}.tar'"
                    + " [negative_prompt=\"...\"] [scheduler=ddpm|ddim|pndm|euler|euler_a|dpmsolver++]"
                    + " [num_inference_steps=50] [guidance_scale=7.5] [seed=0] [batch_size=8]"
                    + " [latents=FILE.safetensors] [precision=fp32|bf16] [threads=N]",
            "Pictures of prompts= that are there are not drawn again. Workers that srun, mpirun or torchrun started share the captions: of"
                    + " W workers each draws every W-th into a folder, or writes every W-th of the shards."
        })
final class GenerateCommand implements Callable<Integer> {

    @Mixin
    private KeyValues keyValues;

    /**
     * @param pipeline a diffusers pipeline folder
     * @param prompts CSV with the columns uid and caption, and negative_prompt where a caption has its own
     * @param prompt one caption, instead of prompts
     * @param out folder for {@code UID.png} and {@code grid.png}, or WebDataset shards in brace notation
     */
    record Options(
            String pipeline,
            String prompts,
            String prompt,
            String negativePrompt,
            String out,
            String scheduler,
            Integer numInferenceSteps,
            Double guidanceScale,
            Long seed,
            Integer batchSize,
            String latents,
            String precision,
            Integer threads) {

        Options {
            numInferenceSteps = numInferenceSteps == null ? 50 : numInferenceSteps;
            guidanceScale = guidanceScale == null ? 7.5 : guidanceScale;
            seed = seed == null ? 0L : seed;
            batchSize = batchSize == null ? Generation.BATCH_SIZE : batchSize;
        }
    }

    @Override
    public Integer call() throws InterruptedException {
        Options options = CommandOptions.read("generate", keyValues.list(), Options.class, "pipeline", "out");
        check(options);
        WorkerRank worker = WorkerRank.of(System.getenv());
        List<PromptList.Entry> prompts = prompts(options);
        List<Pictures> share = Pictures.of(options.out(), prompts, worker.rank(), worker.workers());
        int own = share.stream().mapToInt(pictures -> pictures.prompts().size()).sum();
        DrawnWith settings = DrawnWith.of(options, prompts);
        share.stream()
                .filter(pictures -> !isDrawnAnew(options, pictures))
                .forEach(pictures -> settings.requireSame(pictures.settings()));
        List<Work> work = share.stream()
                .map(pictures ->
                        new Work(pictures, isDrawnAnew(options, pictures) ? pictures.prompts() : pictures.missing()))
                .toList();
        int missing = work.stream().mapToInt(one -> one.prompts().size()).sum();
        if (worker.workers() > 1) {
            System.out.printf(
                    "worker %d of %d (%s) draws %d of %d images%n",
                    worker.rank(), worker.workers(), worker.variable(), own, prompts.size());
        }
        if (missing < own) {
            System.out.printf("%d of %d images are there already and stay as they are%n", own - missing, own);
        }
        List<Path> done = missing > 0
                ? draw(options, work, missing, settings)
                : share.stream().map(Pictures::finish).toList();
        done.forEach(System.out::println);
        return 0;
    }

    /** @param prompts those of the pictures that are to be drawn */
    private record Work(Pictures pictures, List<PromptList.Entry> prompts) {}

    private static List<Path> draw(Options options, List<Work> work, int missing, DrawnWith drawnWith)
            throws InterruptedException {
        Torch.init(options.threads());
        PipelineDirectory pipeline = PipelineDirectory.open(Path.of(options.pipeline()));
        TextToImage.Settings settings =
                new TextToImage.Settings(options.scheduler(), options.numInferenceSteps(), options.guidanceScale());
        List<Path> done = new ArrayList<>();
        try (SafetensorsFile latents =
                        options.latents() == null ? null : SafetensorsFile.open(Path.of(options.latents()));
                TextToImage textToImage = TextToImage.open(pipeline, ComputeType.of(options.precision()));
                CountProgress progress = new CountProgress(
                        System.out, Boolean.getBoolean("rekindle.terminal"), "images", missing, System::nanoTime)) {
            Generation generation = new Generation(textToImage, settings, options.seed(), options.batchSize());
            int before = 0;
            for (Work one : work) {
                generation.check(one.prompts, latents);
                if (!one.prompts.isEmpty()) {
                    drawnWith.note(one.pictures.settings());
                }
                int drawn = before;
                generation.write(one.prompts, latents, one.pictures.folder(), images -> progress.done(drawn + images));
                before += one.prompts.size();
                done.add(one.pictures.finish());
            }
        }
        return done;
    }

    /** A single caption in a folder: whoever tries captions wants to see the last one. */
    private static boolean isDrawnAnew(Options options, Pictures pictures) {
        return options.prompt() != null && pictures instanceof PictureFolder;
    }

    private static void check(Options options) {
        if (!Double.isFinite(options.guidanceScale())) {
            throw new UserException(
                    "generate: guidance_scale=" + options.guidanceScale() + " is no finite number, such as 7.5");
        }
        if (options.batchSize() < 1) {
            throw new UserException("generate: batch_size=" + options.batchSize() + " is less than 1");
        }
        if (options.negativePrompt() != null && options.guidanceScale() <= 1) {
            throw new UserException("generate: negative_prompt has no effect with guidance_scale="
                    + options.guidanceScale() + "; leave it out or raise guidance_scale above 1");
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
        List<PromptList.Entry> prompts = options.prompt() != null
                ? List.of(new PromptList.Entry("0", options.prompt()))
                : PromptList.read(Path.of(options.prompts()));
        return options.negativePrompt() == null
                ? prompts
                : prompts.stream()
                        .map(prompt -> prompt.negativePrompt().isEmpty()
                                ? new PromptList.Entry(prompt.uid(), prompt.caption(), options.negativePrompt())
                                : prompt)
                        .toList();
    }
}
