package org.rekindle.worker.models;

/**
 * What a module is given, for one example: a feature map of height x width positions, or text of 1 x L.
 *
 * @param context tokens of the text beside it; 0 where there is none
 */
public record Extent(int height, int width, int context) {

    /** So many tokens in a row. */
    public static Extent ofTokens(int tokens) {
        return new Extent(1, tokens, 0);
    }

    long positions() {
        return (long) height * width;
    }

    Extent resized(int newHeight, int newWidth) {
        return new Extent(newHeight, newWidth, context);
    }

    Extent doubled() {
        return resized(2 * height, 2 * width);
    }
}
