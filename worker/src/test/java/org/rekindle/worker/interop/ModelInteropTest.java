package org.rekindle.worker.interop;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.rekindle.worker.models.Golden;
import org.rekindle.worker.models.ModelComparison;

/** Models with configs drawn by seed compute what diffusers and transformers do: outputs, gradients of all parameters, bf16. */
@Tag("interop")
class ModelInteropTest {

    /**
     * What bf16 rounds away is noise: two correct implementations are about as far from fp32, each in a direction of its own. Over 240
     * outputs of the seeds 1 to 60 Rekindle's error was 0.67 to 1.46 times that of Python.
     */
    private static final double BF16_RATIO = 2;

    @TempDir
    static Path folder;

    record Drawn(String kind, ModelComparison comparison, String weights, int seed) {
        Golden golden() throws Exception {
            return Golden.open(folder.resolve(kind).resolve(Integer.toString(seed)), weights);
        }

        @Override
        public String toString() {
            return kind + " " + seed;
        }
    }

    static Stream<Drawn> drawn() {
        return Seeds.all().stream()
                .flatMap(seed -> Stream.of(
                        new Drawn("unet", ModelComparison.UNET, "diffusion_pytorch_model.safetensors", seed),
                        new Drawn(
                                "autoencoder",
                                ModelComparison.AUTOENCODER,
                                "diffusion_pytorch_model.safetensors",
                                seed),
                        new Drawn("text_encoder", ModelComparison.TEXT_ENCODER, "model.safetensors", seed)));
    }

    @BeforeAll
    static void make() throws Exception {
        for (String kind : List.of("unet", "autoencoder", "text_encoder")) {
            List<Object> arguments = new ArrayList<>(List.of(folder.resolve(kind), kind));
            arguments.addAll(Seeds.all());
            Python.run(folder, "make_random_models.py", arguments.toArray());
        }
    }

    @ParameterizedTest
    @MethodSource("drawn")
    void outputsAndGradientsEqual(Drawn drawn) throws Exception {
        try (Golden golden = drawn.golden()) {
            ModelComparison.Errors errors = drawn.comparison().assertAgrees(golden);
            System.out.printf(
                    "interop: %s: forward %.1e of the maximum, gradients %.1e%n",
                    drawn, errors.forward(), errors.gradient());
        }
    }

    @ParameterizedTest
    @MethodSource("drawn")
    void bfloat16IsAsNearToFloat32AsThatOfPython(Drawn drawn) throws Exception {
        try (Golden golden = drawn.golden()) {
            for (String output : drawn.comparison().calls().keySet()) {
                float[] fp32 = golden.floats("output." + output);
                double python = ModelComparison.relativeL2(golden.floats("bf16." + output), fp32, 0);
                double rekindle = ModelComparison.relativeL2(drawn.comparison().bfloat16(golden, output), fp32, 0);
                System.out.printf("interop: %s %s: bf16 error %.1e, in Python %.1e%n", drawn, output, rekindle, python);
                assertThat(rekindle).as("error of %s", output).isBetween(1e-5, BF16_RATIO * python);
            }
        }
    }
}
