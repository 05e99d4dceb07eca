package org.rekindle.worker.models;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Forward passes and gradients against what diffusers and transformers compute. */
class ModelGoldenTest {

    private static final double BF16_FORWARD = 0.05;

    @ParameterizedTest
    @ValueSource(
            strings = {"unet_conv_projection", "unet_linear_projection", "unet_lists", "unet_only_cross_attention"})
    void unetAgreesWithDiffusers(String name) {
        ModelComparison.UNET.assertAgrees(Golden.open(name));
    }

    @ParameterizedTest
    @ValueSource(strings = {"vae_three_blocks", "vae_plain", "vae_old_names"})
    void autoencoderAgreesWithDiffusers(String name) {
        ModelComparison.AUTOENCODER.assertAgrees(Golden.open(name));
    }

    @ParameterizedTest
    @ValueSource(strings = {"clip_quick_gelu", "clip_gelu"})
    void textEncoderAgreesWithTransformers(String name) {
        ModelComparison.TEXT_ENCODER.assertAgrees(Golden.open(name));
    }

    @ParameterizedTest
    @ValueSource(strings = {"t5_relu", "t5_gated_gelu", "t5_gelu"})
    void t5EncoderAgreesWithTransformers(String name) {
        ModelComparison.T5_ENCODER.assertAgrees(Golden.open(name));
    }

    @Test
    void bfloat16StaysNearFloat32() {
        Golden golden = Golden.open("unet_conv_projection");
        float[] actual = ModelComparison.UNET.bfloat16(golden, "sample");
        assertThat(ModelComparison.largestError(actual, golden.floats("output.sample")))
                .isBetween(1e-5, BF16_FORWARD);
    }

    @Test
    void t5InBfloat16StaysNearFloat32() {
        Golden golden = Golden.open("t5_gated_gelu");
        float[] actual = ModelComparison.T5_ENCODER.bfloat16(golden, "last_hidden_state");
        assertThat(ModelComparison.largestError(actual, golden.floats("output.last_hidden_state")))
                .isBetween(1e-5, BF16_FORWARD);
    }
}
