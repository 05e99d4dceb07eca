package org.rekindle.worker.cli;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.rekindle.coordinator.config.CommandOptions;
import org.rekindle.worker.hub.HubDownload;
import org.rekindle.worker.hub.HubSettings;
import org.rekindle.worker.hub.ModelRevision;
import org.rekindle.worker.pipeline.Component;
import org.rekindle.worker.pipeline.PipelineDirectory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code rekindle download}. */
@Command(
        name = "download",
        description = "Fetches a diffusers pipeline from a model hub: download model=ORG/NAME[@REVISION] out=DIR"
                + " [revision=main] [components=unet,vae,...]. Only what a pipeline needs, only safetensors, every file checked;"
                + " the same command goes on after a cut. Environment, as for huggingface_hub: HF_ENDPOINT, HF_TOKEN,"
                + " HF_HOME, HF_HUB_OFFLINE")
final class DownloadCommand implements Callable<Integer> {

    @Mixin
    private KeyValues keyValues;

    /**
     * @param model {@code ORG/NAME}, with {@code @REVISION} or without
     * @param out the pipeline's folder
     * @param revision branch, tag or commit, unless the model names it
     * @param components separated by commas; all of the pipeline's when absent
     */
    record Options(String model, String out, String revision, String components) {}

    @Override
    public Integer call() throws InterruptedException {
        Options options = CommandOptions.read("download", keyValues.list(), Options.class, "model", "out");
        ModelRevision model = ModelRevision.parse(options.model(), options.revision());
        Path out = Path.of(options.out());
        boolean pipeline;
        try (DownloadProgress progress =
                new DownloadProgress(System.out, Boolean.getBoolean("rekindle.terminal"), System::nanoTime)) {
            pipeline = HubDownload.from(HubSettings.of(System.getenv()), progress)
                    .run(model, components(options.components()), out);
        }
        System.out.println(
                pipeline
                        ? describe(PipelineDirectory.open(out))
                        : out + ": components for model.<component>.pretrained; not a whole pipeline");
        return 0;
    }

    private static Set<String> components(String list) {
        return list == null
                ? Set.of()
                : Arrays.stream(list.split(","))
                        .map(String::strip)
                        .filter(name -> !name.isEmpty())
                        .collect(Collectors.toCollection(LinkedHashSet::new));
    }

    private static String describe(PipelineDirectory pipeline) {
        return pipeline.root() + ": a pipeline of "
                + Arrays.stream(Component.values())
                        .filter(pipeline::has)
                        .map(component -> component.folder() + " (" + pipeline.className(component) + ")")
                        .collect(Collectors.joining(", "));
    }
}
