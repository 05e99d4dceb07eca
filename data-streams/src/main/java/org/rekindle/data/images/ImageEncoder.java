package org.rekindle.data.images;

import static org.bytedeco.opencv.global.opencv_imgcodecs.IMWRITE_JPEG_QUALITY;
import static org.bytedeco.opencv.global.opencv_imgcodecs.imencode;
import static org.bytedeco.opencv.global.opencv_imgproc.COLOR_RGB2BGR;
import static org.bytedeco.opencv.global.opencv_imgproc.cvtColor;

import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.opencv.global.opencv_core;
import org.bytedeco.opencv.opencv_core.Mat;

/** Encodes RGB images; the same pixels give the same bytes. */
public final class ImageEncoder {

    private ImageEncoder() {}

    /**
     * Encodes an image.
     *
     * @param pixels RGB bytes of shape (height, width, 3)
     * @param format {@code png} or {@code jpg}
     * @param quality of jpg, 1 to 100
     */
    @SuppressWarnings("try") // the scope works by being open
    public static byte[] encode(byte[] pixels, int width, int height, String format, int quality) {
        try (PointerScope scope = new PointerScope()) {
            Mat bgr = new Mat();
            cvtColor(new Mat(height, width, opencv_core.CV_8UC3, new BytePointer(pixels)), bgr, COLOR_RGB2BGR);
            BytePointer encoded = new BytePointer();
            if (!imencode("." + format, bgr, encoded, parameters(format, quality))) {
                throw new IllegalArgumentException("OpenCV does not encode ." + format);
            }
            byte[] bytes = new byte[(int) encoded.limit()];
            encoded.get(bytes);
            return bytes;
        }
    }

    private static IntPointer parameters(String format, int quality) {
        return format.equals("jpg") ? new IntPointer(IMWRITE_JPEG_QUALITY, quality) : new IntPointer();
    }
}
