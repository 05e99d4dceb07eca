package org.rekindle.worker.interop;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What diffusers saved and {@code train} took for {@code model.pretrained} comes back from zero steps as it was, to the byte. */
@Tag("interop")
class FineTuningInteropTest {

    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource({
        "make_pipeline.py,clip-tokenizer,float32",
        "make_pipeline.py,clip-tokenizer,float16",
        "make_pipeline.py,clip-tokenizer,bfloat16",
        "make_t5_pipeline.py,t5-tokenizer,"
    })
    void everyFileComesBackFromZeroStepsAsItWas(String script, String tokenizer, String dtype) throws Exception {
        Path source = folder.resolve("saved");
        List<Object> arguments =
                new ArrayList<>(List.of(Path.of("src/test/resources", tokenizer).toAbsolutePath(), source));
        if (dtype != null) {
            arguments.addAll(List.of("PNDMScheduler", "{\"skip_prk_steps\": true, \"steps_offset\": 1}", dtype));
        }
        Python.run(folder, script, arguments.toArray());

        Path trained = TrainedPipeline.of(folder, "finetuning-tiny", "model.pretrained=" + source);

        Path untrained = trained.resolveSibling("checkpoints").resolve("step_00000000/pipeline");
        assertThat(names(untrained)).isEqualTo(names(source)).hasSizeGreaterThan(8);
        for (String name : names(source)) {
            assertThat(untrained.resolve(name)).hasSameBinaryContentAs(source.resolve(name));
        }
    }

    private static List<String> names(Path root) throws Exception {
        try (Stream<Path> files = Files.walk(root)) {
            return files.filter(Files::isRegularFile)
                    .map(file -> root.relativize(file).toString())
                    .sorted()
                    .toList();
        }
    }
}
