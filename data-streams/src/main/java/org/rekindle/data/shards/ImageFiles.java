package org.rekindle.data.shards;

import java.nio.file.Path;
import java.util.Locale;

/** Which files are images, by their names. */
final class ImageFiles {

    private ImageFiles() {}

    /** Returns {@code jpg} (for jpeg too), {@code png} or {@code webp}; null for any other file. */
    static String extension(Path file) {
        String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
        return switch (name.substring(name.lastIndexOf('.') + 1)) {
            case "jpg", "jpeg" -> "jpg";
            case "png" -> "png";
            case "webp" -> "webp";
            default -> null;
        };
    }
}
