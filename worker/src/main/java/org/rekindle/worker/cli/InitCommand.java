package org.rekindle.worker.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.rekindle.coordinator.config.ConfigReader;
import org.rekindle.coordinator.config.RunConfig;
import org.rekindle.worker.pipeline.PipelineInit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code rekindle init}. */
@Command(
        name = "init",
        description = "Writes the pipeline that a run would start from: init config=FILE out=DIR [key=value...]")
final class InitCommand implements Callable<Integer> {

    @Mixin
    private KeyValues keyValues;

    @Override
    public Integer call() {
        Path out = Path.of(keyValues.required("init", "out"));
        List<String> arguments = keyValues.without("out");
        RunConfig config = ConfigReader.read(arguments);
        RunShards.prepare(config.dataset(), System.out::println);
        PipelineInit.init(config.model(), config.dataset(), config.system().seed(), out);
        System.out.println(out);
        return 0;
    }
}
