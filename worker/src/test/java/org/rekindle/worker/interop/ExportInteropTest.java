package org.rekindle.worker.interop;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rekindle.worker.cli.RekindleProcess;

/** Exported archives open in Python and compute what diffusers and transformers do with the same weights. */
@Tag("interop")
class ExportInteropTest {

    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource({
        "unet, fp32, 1e-4",
        "unet, bf16, 2e-2",
        "vae, fp32, 1e-4",
        "vae, bf16, 2e-2",
        "text_encoder, fp32, 1e-4",
        "text_encoder, bf16, 2e-2"
    })
    void pythonOpensAnArchiveThatComputesTheSame(String component, String precision, double tolerance)
            throws Exception {
        assertSame(TrainedPipeline.folder(), component, precision, tolerance);
    }

    @ParameterizedTest
    @CsvSource({"fp32, 1e-4", "bf16, 2e-2"})
    void soItDoesWithAT5EncoderThatDiffusersSaved(String precision, double tolerance) throws Exception {
        Path pipeline = folder.resolve("saved");
        Path tokenizer = Path.of("src/test/resources/t5-tokenizer").toAbsolutePath();
        Python.run(folder, "make_t5_pipeline.py", tokenizer, pipeline);
        assertSame(pipeline, "text_encoder", precision, tolerance);
    }

    private void assertSame(Path pipeline, String component, String precision, double tolerance) throws Exception {
        Path archive = folder.resolve(component + ".pt");
        RekindleProcess.start(
                        folder,
                        "export",
                        "pipeline=" + pipeline,
                        "component=" + component,
                        "precision=" + precision,
                        "out=" + archive)
                .awaitSuccess();

        String line = Python.run(folder, "compare_export.py", pipeline, component, archive);
        System.out.println("interop: " + component + " " + precision + ": " + line);

        JsonNode comparison = new ObjectMapper().readTree(line);
        assertThat(comparison.get("names_that_differ")).isEmpty();
        assertThat(comparison.get("differences"))
                .isNotEmpty()
                .allSatisfy(difference -> assertThat(difference.asDouble()).isLessThan(tolerance));
    }
}
