package org.rekindle.data.latents;

import java.util.Map;
import java.util.TreeMap;
import org.rekindle.data.images.ImageException;

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

    private static final String SHA_256 = "[0-9a-f]{64}";

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

    /** @throws ImageException when the texts are not all there */
    static LatentsKey of(Map<String, String> metadata) throws ImageException {
        String vae = metadata.getOrDefault("vae", "");
        String textEncoder = metadata.getOrDefault("text_encoder", "");
        String dtype = metadata.getOrDefault("dtype", "");
        String resolution = metadata.getOrDefault("resolution", "");
        if (!vae.matches(SHA_256)
                || !textEncoder.matches(SHA_256)
                || !dtype.matches("F32|F16|BF16")
                || !resolution.matches("[1-9]\\d{0,4}")) {
            throw new ImageException("its header does not say with what its latents were computed");
        }
        return new LatentsKey(vae, textEncoder, dtype, Integer.parseInt(resolution));
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

    String inWords() {
        return "autoencoder " + brief(vae) + ", text encoder " + brief(textEncoder) + ", " + resolution + " px, "
                + dtype;
    }

    private static String brief(String hash) {
        return hash.substring(0, Math.min(12, hash.length()));
    }
}
