package org.rekindle.worker.hub;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * What a hub knows of a file's content: the SHA-256 of a large file (git LFS), or git's name of a small one, the SHA-1 of
 * {@code "blob LENGTH\0"} and the content.
 *
 * @param algorithm {@code SHA-256} or {@code SHA-1}
 * @param hex the digest in lower case
 */
record ContentHash(String algorithm, String hex) {

    private static final Pattern HEX = Pattern.compile("[0-9a-f]{40}|[0-9a-f]{64}");

    /** Reads a digest, which tells its kind by its length, with an ETag's quotes or without; null when it is none. */
    static ContentHash of(String text) {
        String hex = text == null
                ? ""
                : text.replaceFirst("^W/", "").replace("\"", "").toLowerCase(Locale.ROOT);
        if (!HEX.matcher(hex).matches()) {
            return null;
        }
        return new ContentHash(hex.length() == 64 ? "SHA-256" : "SHA-1", hex);
    }

    boolean matches(byte[] content) {
        return isDigest(digest(content.length), content);
    }

    boolean matches(Path file) throws IOException {
        MessageDigest digest = digest(Files.size(file));
        byte[] buffer = new byte[1 << 16];
        try (InputStream in = Files.newInputStream(file)) {
            for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
                digest.update(buffer, 0, count);
            }
        }
        return isDigest(digest, new byte[0]);
    }

    private boolean isDigest(MessageDigest digest, byte[] rest) {
        return HexFormat.of().formatHex(digest.digest(rest)).equals(hex);
    }

    private MessageDigest digest(long length) {
        try {
            MessageDigest digest = MessageDigest.getInstance(algorithm);
            if (algorithm.equals("SHA-1")) {
                digest.update(("blob " + length + "\0").getBytes(StandardCharsets.US_ASCII));
            }
            return digest;
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every Java platform has both
        }
    }
}
