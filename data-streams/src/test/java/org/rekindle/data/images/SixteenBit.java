package org.rekindle.data.images;

import static org.bytedeco.opencv.global.opencv_imgcodecs.imencode;

import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.opencv.global.opencv_core;
import org.bytedeco.opencv.opencv_core.Mat;
import org.bytedeco.opencv.opencv_core.Scalar;

/** Colour pngs of 16 bits a channel, which neither Pillow nor ImageIO write. */
final class SixteenBit {

    private SixteenBit() {}

    /** Returns an image of one colour, given in 8 bits. */
    @SuppressWarnings("try") // the scope works by being open
    static byte[] png(int width, int height, int red, int green, int blue) {
        try (PointerScope scope = new PointerScope()) {
            Scalar bgr = new Scalar(blue * 257.0, green * 257.0, red * 257.0, 0);
            BytePointer encoded = new BytePointer();
            imencode(".png", new Mat(height, width, opencv_core.CV_16UC3, bgr), encoded);
            byte[] bytes = new byte[(int) encoded.limit()];
            encoded.get(bytes);
            return bytes;
        }
    }
}
