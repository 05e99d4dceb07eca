package org.rekindle.data.images;

/**
 * Which part of an image is seen, and how large: the largest rectangle of the wanted aspect is cut out, resized, and mirrored where
 * asked.
 *
 * @param width of the result in pixels
 * @param height of the result in pixels
 * @param x where the rectangle lies in what it leaves free at the sides, from 0 (left) to 1 (right)
 * @param y the same from top to bottom
 * @param flip whether left and right change places
 */
public record Framing(int width, int height, double x, double y, boolean flip) {

    /** The centre of an image. */
    public static Framing centre(int width, int height) {
        return new Framing(width, height, 0.5, 0.5, false);
    }

    /** The same part of the image, as far as the aspect allows, in another size. */
    public Framing of(int otherWidth, int otherHeight) {
        return new Framing(otherWidth, otherHeight, x, y, flip);
    }
}
