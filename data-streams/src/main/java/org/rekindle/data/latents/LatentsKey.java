package org.rekindle.data.latents;

import java.util.Map;
import java.util.TreeMap;

/**
 * What precomputed latents were computed with. Latents of another key are stale, and refused.
 *
 * @param vae SHA-256 of the autoencoder's files
 * @param textEncoder SHA-256 of the text encoder's and the tokenizer's files
 * @param dtype of the tensors: {@code BF16}, {@code F16} or {@code F32}
 * @param resolution side of the images in pixels
 */
public record LatentsKey(String vae, String textEncoder, String dtype, int resolution) {

    static final String VERSION = "1";

    Map<String, String> metadata() {
        return new TreeMap<>(Map.of(
                "format",
                "pt",
                "rekindle_latents",
                VERSION,
                "vae",
                vae,
                "text_encoder",
                textEncoder,
                "dtype",
                dtype,
                "resolution",
                Integer.toString(resolution)));
    }

    /**
     * Compares with the models and the resolution of a run; the data type may be any.
     *
     * @return what differs, in words, or null
     */
    public String differenceFrom(LatentsKey expected) {
        if (!vae.equals(expected.vae)) {
            return "the autoencoder " + brief(vae) + ", the run has " + brief(expected.vae);
        } else if (!textEncoder.equals(expected.textEncoder)) {
            return "the text encoder and tokenizer " + brief(textEncoder) + ", the run has "
                    + brief(expected.textEncoder);
        }
        return resolution == expected.resolution
                ? null
                : resolution + " px, dataset.params.resolution is " + expected.resolution;
    }

    private static String brief(String hash) {
        return hash.substring(0, Math.min(12, hash.length()));
    }
}
