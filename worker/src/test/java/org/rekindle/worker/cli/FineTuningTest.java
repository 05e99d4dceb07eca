package org.rekindle.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.util.Float16Utils;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.rekindle.data.safetensors.DType;
import org.rekindle.worker.pipeline.SafetensorsFile;
import org.rekindle.worker.pipeline.SafetensorsWriter;
import org.rekindle.worker.pipeline.TensorView;
import org.rekindle.worker.pipeline.TinyPipeline;

/** {@code train} with {@code model.pretrained}: what is not trained stays as it is, to the bit, in whichever type it is stored. */
class FineTuningTest {

    private static final String UNET = "unet/diffusion_pytorch_model.safetensors";

    @TempDir
    Path folder;

    @ParameterizedTest
    @EnumSource(
            value = DType.class,
            names = {"F32", "F16", "BF16"})
    void aPipelineComesBackFromZeroStepsAsItWasAndFromTwoWithAnotherUNetAlone(DType type) throws Exception {
        Path source = folder.resolve("source");
        TinyPipeline.write(source, 1);
        Files.writeString(
                source.resolve("unet/config.json"),
                Files.readString(source.resolve("unet/config.json"))
                        .replaceFirst("\\{", "{\"_name_or_path\": \"mine\","));
        for (String weights :
                new String[] {UNET, "vae/diffusion_pytorch_model.safetensors", "text_encoder/model.safetensors"}) {
            store(source.resolve(weights), type);
        }
        Path recipe = Path.of("src/test/resources/recipes/finetuning-tiny.yaml").toAbsolutePath();

        RekindleProcess.start(
                        folder,
                        "train",
                        "config=" + recipe,
                        "experiment.log_dir=" + folder.resolve("runs"),
                        "model.pretrained=" + source)
                .awaitSuccess();

        Path checkpoints = folder.resolve("runs/finetuning-tiny/checkpoints");
        Map<String, byte[]> expected = files(source);
        Map<String, byte[]> untrained = files(checkpoints.resolve("step_00000000/pipeline"));
        assertThat(untrained).containsOnlyKeys(expected.keySet());
        expected.forEach(
                (name, bytes) -> assertThat(untrained.get(name)).as(name).isEqualTo(bytes));

        Map<String, byte[]> trained = files(checkpoints.resolve("step_00000002/pipeline"));
        assertThat(trained).containsOnlyKeys(expected.keySet());
        assertThat(trained.remove(UNET)).isNotEqualTo(expected.get(UNET));
        trained.forEach((name, bytes) -> assertThat(bytes).as(name).isEqualTo(expected.get(name)));
        try (SafetensorsFile unet = SafetensorsFile.open(
                checkpoints.resolve("step_00000002/pipeline").resolve(UNET))) {
            assertThat(unet.names()).allMatch(name -> unet.dtype(name) == DType.F32);
        }
    }

    /** Rewrites a file of fp32 in another type. */
    private static void store(Path file, DType type) throws IOException {
        SafetensorsWriter writer = new SafetensorsWriter();
        try (SafetensorsFile weights = SafetensorsFile.open(file)) {
            for (String name : weights.names()) {
                TensorView tensor = weights.tensor(name);
                ByteBuffer bytes = ByteBuffer.allocate(Math.toIntExact(tensor.size()) * type.bytes())
                        .order(ByteOrder.LITTLE_ENDIAN);
                for (float value : tensor.floats()) {
                    switch (type) {
                        case F32 -> bytes.putFloat(value);
                        case F16 -> bytes.putShort(Float16Utils.floatToHalf(value));
                        default -> bytes.putShort((short) (Float.floatToRawIntBits(value) >>> 16));
                    }
                }
                writer.add(name, type, tensor.shape(), bytes.flip());
            }
            Path other = file.resolveSibling("other");
            writer.write(other);
            Files.move(other, file, StandardCopyOption.REPLACE_EXISTING);
        }
    }

    private static Map<String, byte[]> files(Path root) throws IOException {
        Map<String, byte[]> contents = new TreeMap<>();
        try (Stream<Path> files = Files.walk(root)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                contents.put(root.relativize(file).toString(), Files.readAllBytes(file));
            }
        }
        return contents;
    }
}
