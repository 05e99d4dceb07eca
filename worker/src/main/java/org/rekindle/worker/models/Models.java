package org.rekindle.worker.models;

import com.fasterxml.jackson.databind.node.ObjectNode;
import org.rekindle.data.UserException;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.torchscript.ScriptModule;

/** The models that a pipeline may name in its {@code _class_name} or {@code architectures}. */
public final class Models {

    private Models() {}

    /**
     * Compiles a model from its {@code config.json}.
     *
     * @throws UserException for a class or a config value that isn't supported
     */
    public static ScriptModule compile(String className, ObjectNode config, ComputeType computeType) {
        return switch (className) {
            case UNet2DConditionModel.CLASS_NAME -> UNet2DConditionModel.of(config, computeType);
            case AutoencoderKL.CLASS_NAME -> AutoencoderKL.of(config, computeType);
            case CLIPTextModel.CLASS_NAME -> CLIPTextModel.of(config, computeType);
            case T5EncoderModel.CLASS_NAME -> T5EncoderModel.of(config, computeType);
            default ->
                throw new UserException("Model class %s is not supported; supported: %s, %s, %s, %s"
                        .formatted(
                                className,
                                UNet2DConditionModel.CLASS_NAME,
                                AutoencoderKL.CLASS_NAME,
                                CLIPTextModel.CLASS_NAME,
                                T5EncoderModel.CLASS_NAME));
        };
    }
}
