package org.rekindle.data.images;

import static org.bytedeco.opencv.global.opencv_imgcodecs.imencode;
import static org.bytedeco.opencv.global.opencv_imgproc.COLOR_RGB2BGR;
import static org.bytedeco.opencv.global.opencv_imgproc.cvtColor;

import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.opencv.global.opencv_core;
import org.bytedeco.opencv.opencv_core.Mat;

/** Encodes square RGB images; the same pixels give the same bytes. */
public final class ImageEncoder {

    private ImageEncoder() {}

    /**
     * Encodes as png or, with OpenCV's quality of 95, as jpg.
     *
     * @param pixels RGB bytes of shape (resolution, resolution, 3)
     * @param format {@code png} or {@code jpg}
     */
    @SuppressWarnings("try") // the scope works by being open
    public static byte[] encode(byte[] pixels, int resolution, String format) {
        try (PointerScope scope = new PointerScope()) {
            Mat bgr = new Mat();
            cvtColor(new Mat(resolution, resolution, opencv_core.CV_8UC3, new BytePointer(pixels)), bgr, COLOR_RGB2BGR);
            BytePointer encoded = new BytePointer();
            if (!imencode("." + format, bgr, encoded)) {
                throw new IllegalArgumentException("OpenCV does not encode ." + format);
            }
            byte[] bytes = new byte[(int) encoded.limit()];
            encoded.get(bytes);
            return bytes;
        }
    }
}
