package org.rekindle.data.images;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * Format and size of an encoded image, read from its first bytes without decoding a pixel. Written by hand because neither OpenCV nor
 * ImageIO tells the size of all three formats before it decodes, and a few kilobytes may claim to be gigapixels.
 *
 * <p>Layouts: ITU T.81 annex B (JPEG markers), W3C PNG section 11.2.2 (IHDR), RFC 9649 (WebP).
 */
public record ImageHeader(Format format, int width, int height) {

    /** What Rekindle decodes, by the suffix its members carry. */
    public enum Format {
        JPG,
        PNG,
        WEBP
    }

    private static final long PNG_SIGNATURE = 0x89504E470D0A1A0AL;

    /**
     * Reads a header.
     *
     * @throws ImageException when the bytes are none of the three formats or break off before the size
     */
    public static ImageHeader read(byte[] image) throws ImageException {
        if (image.length == 0) {
            throw new ImageException("the image has zero bytes");
        }
        ByteBuffer bytes = ByteBuffer.wrap(image);
        ImageHeader header;
        try {
            if (image.length > 24 && bytes.getLong(0) == PNG_SIGNATURE) {
                header = new ImageHeader(Format.PNG, bytes.getInt(16), bytes.getInt(20));
            } else if (image.length > 3 && (bytes.getShort(0) & 0xFFFF) == 0xFFD8) {
                header = jpeg(bytes);
            } else if (image.length > 30
                    && ascii(image, 0).equals("RIFF")
                    && ascii(image, 8).equals("WEBP")) {
                header = webp(bytes.order(ByteOrder.LITTLE_ENDIAN), ascii(image, 12));
            } else {
                throw new ImageException("it is not a jpg, png or webp image");
            }
        } catch (IndexOutOfBoundsException e) {
            throw new ImageException("the image breaks off within its header");
        }
        if (header.width < 1 || header.height < 1) {
            throw new ImageException("the image claims a size of " + header.width + "x" + header.height);
        }
        return header;
    }

    /** Returns width x height. */
    public long pixels() {
        return (long) width * height;
    }

    /** Walks the segments up to the first start-of-frame: C0 to CF without the tables C4, C8 and CC. */
    private static ImageHeader jpeg(ByteBuffer bytes) throws ImageException {
        int at = 2;
        while (true) {
            if ((bytes.get(at) & 0xFF) != 0xFF) {
                throw new ImageException("the jpg image has no valid segment at byte " + at);
            }
            int marker = bytes.get(at + 1) & 0xFF;
            boolean frame = marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
            if (frame) {
                return new ImageHeader(Format.JPG, bytes.getShort(at + 7) & 0xFFFF, bytes.getShort(at + 5) & 0xFFFF);
            }
            if (marker == 0xFF) {
                at++;
            } else if (marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8)) {
                at += 2;
            } else {
                at += 2 + Math.max(2, bytes.getShort(at + 2) & 0xFFFF);
            }
        }
    }

    private static ImageHeader webp(ByteBuffer bytes, String chunk) throws ImageException {
        return switch (chunk) {
            case "VP8 " -> new ImageHeader(Format.WEBP, bytes.getShort(26) & 0x3FFF, bytes.getShort(28) & 0x3FFF);
            case "VP8L" -> {
                int packed = bytes.getInt(21);
                yield new ImageHeader(Format.WEBP, (packed & 0x3FFF) + 1, (packed >>> 14 & 0x3FFF) + 1);
            }
            case "VP8X" ->
                new ImageHeader(Format.WEBP, (bytes.getInt(24) & 0xFFFFFF) + 1, (bytes.getInt(26) >>> 8) + 1);
            default -> throw new ImageException("the webp image begins with an unknown chunk");
        };
    }

    private static String ascii(byte[] image, int from) {
        return new String(image, from, 4, StandardCharsets.US_ASCII);
    }
}
