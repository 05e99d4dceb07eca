package org.rekindle.worker.models;

/**
 * What a module is given, for one example: a feature map of height x width positions, or text of 1 x L.
 *
 * @param context tokens of the text beside it; 0 where there is none
 * @param hardware where it is
 */
public record Extent(int height, int width, int context, Hardware hardware) {

    /** So many tokens in a row. */
    public static Extent ofTokens(int tokens, Hardware hardware) {
        return new Extent(1, tokens, 0, hardware);
    }

    long positions() {
        return (long) height * width;
    }

    Extent resized(int newHeight, int newWidth) {
        return new Extent(newHeight, newWidth, context, hardware);
    }

    Extent tokens(int tokens) {
        return ofTokens(tokens, hardware);
    }

    Extent doubled() {
        return resized(2 * height, 2 * width);
    }
}
