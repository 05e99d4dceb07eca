package org.rekindle.worker.models;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.List;
import org.rekindle.data.safetensors.DType;
import org.rekindle.worker.pipeline.SafetensorsFile;
import org.rekindle.worker.pipeline.TensorView;
import org.rekindle.worker.pipeline.Weights;
import org.rekindle.worker.torchscript.Torch;
import org.rekindle.worker.torchscript.TorchModule;

/** What make_model_goldens.py, or with drawn configs make_random_models.py, has written for one model. */
public record Golden(ObjectNode config, SafetensorsFile weights, SafetensorsFile values) implements AutoCloseable {

    static {
        Torch.init(1); // more threads only wait for each other in models this small
    }

    static Golden open(String name) {
        try {
            return open(Path.of(Golden.class.getResource("/goldens/" + name).toURI()), "weights.safetensors");
        } catch (IOException | URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Opens a model's folder, with the name that its weights have there. */
    public static Golden open(Path folder, String weights) throws IOException {
        return new Golden(
                (ObjectNode) new ObjectMapper()
                        .readTree(folder.resolve("config.json").toFile()),
                SafetensorsFile.open(folder.resolve(weights)),
                SafetensorsFile.open(folder.resolve("values.safetensors")));
    }

    void copyWeightsTo(TorchModule module) {
        Weights.load(module, weights, "golden");
    }

    NDArray array(NDManager scope, String name) {
        TensorView view = values.tensor(name);
        if (view.dtype() == DType.I64) {
            return scope.create(view.data().asLongBuffer(), new Shape(view.shape()), DataType.INT64);
        }
        return scope.create(view.floats(), new Shape(view.shape()));
    }

    public float[] floats(String name) {
        return values.tensor(name).floats();
    }

    /** Names of the parameters with a gradient in the golden. */
    List<String> gradients() {
        return values.names().stream()
                .filter(name -> name.startsWith("gradient."))
                .map(name -> name.substring("gradient.".length()))
                .toList();
    }

    @Override
    public void close() {
        weights.close();
        values.close();
    }
}
