package org.rekindle.worker.diffusion;

import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import javax.imageio.ImageIO;

/** From the decoder's numbers to PNG files. */
public final class RgbImages {

    private static final int GRID_COLUMNS = 8;
    static final int GRID_IMAGES = 64;

    private RgbImages() {}

    /**
     * An image from planes of red, green and blue in [-1, 1]; what lies outside is clipped.
     *
     * @param values of which {@code 3 * height * width} from {@code offset} on are the image, of shape (3, height, width)
     */
    public static BufferedImage of(float[] values, int offset, int height, int width) {
        BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
        int plane = height * width;
        for (int i = 0; i < plane; i++) {
            int red = level(values[offset + i]);
            int green = level(values[offset + plane + i]);
            int blue = level(values[offset + 2 * plane + i]);
            image.setRGB(i % width, i / width, red << 16 | green << 8 | blue);
        }
        return image;
    }

    /** Rounds halves to even, as numpy does. Not a number gives 0. */
    private static int level(float value) {
        return (int) Math.rint(Math.max(0f, Math.min(1f, value * 0.5f + 0.5f)) * 255f);
    }

    /** The first 64 images, 8 a row; a row of its own length where there are fewer than 8. All have the size of the first. */
    public static BufferedImage grid(List<BufferedImage> images) {
        int shown = Math.min(images.size(), GRID_IMAGES);
        int columns = Math.min(shown, GRID_COLUMNS);
        int rows = (shown + columns - 1) / columns;
        int width = images.get(0).getWidth();
        int height = images.get(0).getHeight();
        BufferedImage grid = new BufferedImage(columns * width, rows * height, BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = grid.createGraphics();
        for (int i = 0; i < shown; i++) {
            graphics.drawImage(images.get(i), i % columns * width, i / columns * height, width, height, null);
        }
        graphics.dispose();
        return grid;
    }

    /** Writes a PNG that is there completely or not at all. */
    public static void writePng(BufferedImage image, Path file) throws IOException {
        Path temporary = file.resolveSibling("." + file.getFileName() + ".tmp");
        try {
            try (OutputStream out = Files.newOutputStream(temporary)) {
                ImageIO.write(image, "png", out);
            }
            Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(temporary);
        }
    }
}
