package org.rekindle.worker.cli;

import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.function.Function;
import org.rekindle.coordinator.config.CommandOptions;
import org.rekindle.data.UserException;
import org.rekindle.worker.pipeline.Component;
import org.rekindle.worker.pipeline.PipelineDirectory;
import org.rekindle.worker.pipeline.SafetensorsFile;
import org.rekindle.worker.pipeline.Weights;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.torchscript.ScriptArchive;
import org.rekindle.worker.torchscript.ScriptModule;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code rekindle export}. */
@Command(
        name = "export",
        description = "Writes a component as a TorchScript archive that torch.jit.load opens:"
                + " export pipeline=DIR component=unet|vae|text_encoder out=FILE.pt [precision=fp32|bf16]")
final class ExportCommand implements Callable<Integer> {

    @Mixin
    private KeyValues keyValues;

    record Options(String pipeline, String component, String out, String precision) {}

    @Override
    public Integer call() {
        Options options =
                CommandOptions.read("export", keyValues.list(), Options.class, "pipeline", "component", "out");
        Component component =
                switch (options.component()) {
                    case "unet" -> Component.UNET;
                    case "vae" -> Component.VAE;
                    case "text_encoder" -> Component.TEXT_ENCODER;
                    default ->
                        throw new UserException("export: component=" + options.component()
                                + " is unknown: choose unet, vae or text_encoder");
                };
        ComputeType precision = ComputeType.of(options.precision());
        PipelineDirectory pipeline = PipelineDirectory.open(Path.of(options.pipeline()));
        SafetensorsFile weights = pipeline.weights(component);
        ScriptModule module = pipeline.module(component, precision);
        Function<String, FloatBuffer> values = Weights.of(module, weights, component.folder());
        Path out = Path.of(options.out());
        try {
            AtomicFile.write(out, stream -> ScriptArchive.write(module, values, precision, stream));
        } catch (IOException e) {
            throw new UserException(
                    out + " cannot be written (" + UserException.reason(e) + "); check disk space and permissions", e);
        }
        System.out.println(out);
        return 0;
    }
}
