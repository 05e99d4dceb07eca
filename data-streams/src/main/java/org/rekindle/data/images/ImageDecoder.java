package org.rekindle.data.images;

import static org.bytedeco.opencv.global.opencv_core.CV_8U;
import static org.bytedeco.opencv.global.opencv_core.flip;
import static org.bytedeco.opencv.global.opencv_imgcodecs.IMREAD_COLOR_RGB;
import static org.bytedeco.opencv.global.opencv_imgcodecs.IMREAD_IGNORE_ORIENTATION;
import static org.bytedeco.opencv.global.opencv_imgcodecs.IMREAD_UNCHANGED;
import static org.bytedeco.opencv.global.opencv_imgcodecs.imdecode;
import static org.bytedeco.opencv.global.opencv_imgproc.COLOR_BGR2RGB;
import static org.bytedeco.opencv.global.opencv_imgproc.COLOR_GRAY2RGB;
import static org.bytedeco.opencv.global.opencv_imgproc.INTER_AREA;
import static org.bytedeco.opencv.global.opencv_imgproc.INTER_CUBIC;
import static org.bytedeco.opencv.global.opencv_imgproc.INTER_LINEAR;
import static org.bytedeco.opencv.global.opencv_imgproc.cvtColor;
import static org.bytedeco.opencv.global.opencv_imgproc.resize;

import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.opencv.global.opencv_core;
import org.bytedeco.opencv.opencv_core.Mat;
import org.bytedeco.opencv.opencv_core.Rect;
import org.bytedeco.opencv.opencv_core.Size;

/**
 * Turns an encoded jpg, png or webp image into the square RGB bytes that training sees: centre crop to the shorter side, then resize,
 * linear or by pixel area when shrinking and bicubic when enlarging. Orientation tags are ignored, 16 bits scaled to 8, grey repeated, CMYK
 * converted, alpha composited on white.
 *
 * <p>Immutable, for any number of threads. Each call frees its native memory before it returns. OpenCV's own threads are off for the
 * whole process: the callers are the parallelism.
 *
 * @param resolution side of the result in pixels
 * @param maxPixels larger images are refused before they are decoded
 */
public record ImageDecoder(int resolution, long maxPixels) {

    /** Pillow's limit against decompression bombs: 2^30 / 4 / 3 pixels, doubled. */
    public static final long MAX_PIXELS = 178_956_970;

    /** With {@link #MAX_PIXELS}. */
    public ImageDecoder(int resolution) {
        this(resolution, MAX_PIXELS);
    }

    /**
     * Up to this reduction linear interpolation is as near to Pillow's antialiased bicubic as averaging by area (45 to 48 dB both, over
     * synthetic photographs), in a fifth of the time; beyond it falls behind, by 6 dB at 1.7.
     */
    private static final double ALIASING = 1.25;

    static {
        opencv_core.setNumThreads(1);
    }

    /**
     * Decodes, crops and resizes.
     *
     * @return RGB bytes of shape (resolution, resolution, 3)
     * @throws ImageException when the image is empty, too large, of another format or damaged
     */
    public byte[] decode(byte[] image) throws ImageException {
        return decode(image, Framing.centre(resolution, resolution));
    }

    @SuppressWarnings("try") // the scope works by being open
    public byte[] decode(byte[] image, Framing framing) throws ImageException {
        ImageHeader header = ImageHeader.read(image);
        if (header.pixels() > maxPixels) {
            throw new ImageException("its " + header.width() + "x" + header.height()
                    + " pixels are more than the limit of " + maxPixels + " pixels (dataset.params.max_image_pixels)");
        }
        try (PointerScope scope = new PointerScope()) {
            boolean jpeg = header.format() == ImageHeader.Format.JPG;
            int flags = (jpeg ? IMREAD_COLOR_RGB : IMREAD_UNCHANGED) | IMREAD_IGNORE_ORIENTATION;
            Mat decoded = imdecode(new Mat(new BytePointer(image), false), flags);
            if (decoded == null || decoded.empty()) {
                throw new ImageException("the image data is damaged");
            }
            Mat square = crop(decoded, framing);
            Mat rgb = jpeg ? square : toRgb(square);
            byte[] pixels = new byte[framing.height() * framing.width() * 3];
            resized(rgb, framing).data().get(pixels);
            return pixels;
        } catch (RuntimeException e) {
            throw new ImageException("OpenCV cannot decode it (" + firstLine(e) + ")");
        }
    }

    private static Mat crop(Mat image, Framing framing) {
        long width = image.cols();
        long height = image.rows();
        int cropWidth = (int) Math.max(1, Math.min(width, height * framing.width() / framing.height()));
        int cropHeight = (int) Math.max(1, Math.min(height, width * framing.height() / framing.width()));
        int left = (int) ((width - cropWidth) * framing.x());
        int top = (int) ((height - cropHeight) * framing.y());
        return new Mat(image, new Rect(left, top, cropWidth, cropHeight));
    }

    /** Converts grey, BGR or BGRA of 8 or 16 bits. */
    private static Mat toRgb(Mat image) {
        Mat bytes = image;
        if (image.depth() != CV_8U) {
            bytes = new Mat();
            image.convertTo(bytes, CV_8U, 1.0 / 257, 0);
        }
        if (bytes.channels() == 4) {
            return onWhite(bytes);
        }
        Mat rgb = new Mat();
        cvtColor(bytes, rgb, bytes.channels() == 1 ? COLOR_GRAY2RGB : COLOR_BGR2RGB);
        return rgb;
    }

    /** Composites BGRA bytes on white: c * a + 255 * (1 - a), rounded. */
    private static Mat onWhite(Mat bgra) {
        int pixels = bgra.rows() * bgra.cols();
        byte[] from = new byte[4 * pixels];
        bgra.clone().data().get(from);
        byte[] rgb = new byte[3 * pixels];
        for (int i = 0; i < pixels; i++) {
            int alpha = from[4 * i + 3] & 0xFF;
            for (int c = 0; c < 3; c++) {
                int colour = from[4 * i + 2 - c] & 0xFF;
                rgb[3 * i + c] = (byte) ((colour * alpha + 255 * (255 - alpha) + 127) / 255);
            }
        }
        return new Mat(bgra.rows(), bgra.cols(), opencv_core.CV_8UC3, new BytePointer(rgb));
    }

    /** Returns a continuous image. */
    private static Mat resized(Mat cropped, Framing framing) {
        Mat result = cropped;
        if (cropped.cols() != framing.width() || cropped.rows() != framing.height()) {
            result = new Mat();
            double reduction =
                    Math.max((double) cropped.cols() / framing.width(), (double) cropped.rows() / framing.height());
            int interpolation = reduction > ALIASING ? INTER_AREA : reduction >= 1 ? INTER_LINEAR : INTER_CUBIC;
            resize(cropped, result, new Size(framing.width(), framing.height()), 0, 0, interpolation);
        }
        if (framing.flip()) {
            Mat mirrored = new Mat();
            flip(result, mirrored, 1);
            return mirrored;
        }
        return result == cropped ? cropped.clone() : result;
    }

    private static String firstLine(RuntimeException e) {
        return String.valueOf(e.getMessage())
                .lines()
                .findFirst()
                .orElse("no reason given")
                .strip();
    }
}
