package org.rekindle.data.formats;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.regex.Pattern;
import org.rekindle.data.UserException;
import org.rekindle.data.stores.LocalShard;
import org.rekindle.data.stores.Shard;
import org.rekindle.data.stores.Stores;

/**
 * An image in a file of its own, which a table names by path or URL. It is read when it is due, so a block of them takes no memory.
 *
 * @param shard the image's file
 */
record LocatedImage(Shard shard) implements EncodedImage {

    /** A table comes from anywhere: it may name images, but no command, which {@code pipe:} would run. */
    private static final Pattern ADDRESS = Pattern.compile("(?s)(https?|s3)://.*");

    /**
     * @param location a URL, an absolute path, or a path relative to the table's place
     * @param table the file that names it
     */
    static LocatedImage of(String location, Shard table, Stores stores) throws IOException {
        try {
            if (location.matches("(?s)[a-zA-Z][a-zA-Z0-9+.-]*:.*")
                    && !ADDRESS.matcher(location).matches()) {
                throw new IOException("names the image " + location + ", expected a path, http(s):// or s3://");
            } else if (ADDRESS.matcher(location).matches() || Path.of(location).isAbsolute()) {
                return new LocatedImage(stores.shard(location));
            } else if (table instanceof LocalShard local) {
                return new LocatedImage(new LocalShard(local.path().resolveSibling(location)));
            }
            String folder = table.location().substring(0, table.location().lastIndexOf('/') + 1);
            return new LocatedImage(stores.shard(folder + location));
        } catch (UserException | IllegalArgumentException e) {
            throw new IOException(e.getMessage(), e);
        }
    }

    @Override
    public byte[] read() throws IOException {
        try (InputStream bytes = shard.open(0)) {
            byte[] image = bytes.readNBytes((int) Example.MAX_MEMBER_BYTES + 1);
            if (image.length > Example.MAX_MEMBER_BYTES) {
                throw new IOException("it is larger than an image may be (256 MiB)");
            }
            return image;
        } catch (IOException e) {
            throw new IOException("its image " + shard.location() + " cannot be read (" + e.getMessage() + ")", e);
        }
    }
}
