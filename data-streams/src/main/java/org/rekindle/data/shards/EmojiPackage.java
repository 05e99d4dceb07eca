package org.rekindle.data.shards;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.apache.commons.compress.compressors.gzip.GzipCompressorInputStream;
import org.rekindle.data.UserException;

/**
 * The parts of the npm package {@code emoji-datasource-google} that are wanted here, in memory (about 15 MB): its table and its images
 * of 64 x 64 pixels.
 *
 * @param table {@code emoji.json}, an array of objects
 * @param images png files by name
 */
record EmojiPackage(JsonNode table, Map<String, byte[]> images) {

    private static final String TABLE = "emoji.json";
    private static final String IMAGES = "img/google/64/";
    private static final String REMEDY = "; expected the npm package emoji-datasource-google, packed or unpacked:"
            + " fetch it with 'npm pack emoji-datasource-google@16.0.0'";

    /**
     * Reads the package.
     *
     * @param input the tarball that {@code npm pack} writes, or the folder that it unpacks to
     */
    static EmojiPackage read(Path input) {
        Map<String, byte[]> files = new HashMap<>();
        try {
            if (Files.isDirectory(input)) {
                readFolder(Files.isDirectory(input.resolve("package")) ? input.resolve("package") : input, files);
            } else if (Files.exists(input)) {
                readTarball(input, files);
            } else {
                throw new UserException("input=" + input + " does not exist" + REMEDY);
            }
        } catch (IOException e) {
            throw new UserException("input=" + input + " cannot be read (" + e.getMessage() + ")" + REMEDY, e);
        }
        byte[] table = files.remove(TABLE);
        if (table == null) {
            throw new UserException("input=" + input + " holds no " + TABLE + REMEDY);
        }
        return new EmojiPackage(parse(table, input), files);
    }

    private static void readFolder(Path folder, Map<String, byte[]> files) throws IOException {
        if (Files.exists(folder.resolve(TABLE))) {
            files.put(TABLE, Files.readAllBytes(folder.resolve(TABLE)));
        }
        if (Files.isDirectory(folder.resolve(IMAGES))) {
            try (Stream<Path> images = Files.list(folder.resolve(IMAGES))) {
                for (Path image : images.toList()) {
                    files.put(image.getFileName().toString(), Files.readAllBytes(image));
                }
            }
        }
    }

    private static void readTarball(Path file, Map<String, byte[]> files) throws IOException {
        try (InputStream bytes = new BufferedInputStream(Files.newInputStream(file));
                TarArchiveInputStream tar = new TarArchiveInputStream(new GzipCompressorInputStream(bytes))) {
            for (TarArchiveEntry entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
                // npm puts everything below one folder, "package".
                String name = entry.getName().substring(entry.getName().indexOf('/') + 1);
                if (name.equals(TABLE)) {
                    files.put(name, tar.readAllBytes());
                } else if (name.startsWith(IMAGES)) {
                    files.put(name.substring(IMAGES.length()), tar.readAllBytes());
                }
            }
        }
    }

    private static JsonNode parse(byte[] table, Path input) {
        try {
            JsonNode emoji = new ObjectMapper().readTree(table);
            if (!emoji.isArray()) {
                throw new UserException("input=" + input + ": " + TABLE + " is no array of emoji" + REMEDY);
            }
            return emoji;
        } catch (JsonProcessingException e) {
            throw new UserException(
                    "input=" + input + ": " + TABLE + " is no JSON (" + e.getOriginalMessage() + ")" + REMEDY, e);
        } catch (IOException e) {
            throw new UserException("input=" + input + ": " + TABLE + " cannot be read (" + e.getMessage() + ")", e);
        }
    }

    /** The png file of an emoji. */
    byte[] image(String name, Path input) {
        byte[] bytes = images.get(name);
        if (bytes == null) {
            throw new UserException(
                    "input=" + input + ": " + TABLE + " names " + IMAGES + name + ", which is missing" + REMEDY);
        }
        return bytes;
    }
}
