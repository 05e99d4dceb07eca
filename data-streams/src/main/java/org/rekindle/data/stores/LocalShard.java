package org.rekindle.data.stores;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.rekindle.data.UserException;

/** A file of this machine or of a file system that it mounts. */
public record LocalShard(Path path) implements Shard {

    /** The shards of some files, in their order. */
    public static List<Shard> of(List<Path> paths) {
        return paths.stream().<Shard>map(LocalShard::new).toList();
    }

    @Override
    public String location() {
        return path.toString();
    }

    @Override
    public String name() {
        return path.getFileName().toString();
    }

    @Override
    public InputStream open(long offset) throws IOException {
        if (Files.isDirectory(path)) {
            throw new IOException("it is a folder");
        }
        try {
            FileChannel channel = FileChannel.open(path, StandardOpenOption.READ);
            channel.position(offset);
            return new FilterInputStream(Channels.newInputStream(channel)) {
                /** Moves without reading, which Java 17's own stream of a channel does not. */
                @Override
                public long skip(long count) throws IOException {
                    long from = channel.position();
                    long skipped = Math.max(0, Math.min(count, channel.size() - from));
                    channel.position(from + skipped);
                    return skipped;
                }
            };
        } catch (IOException e) {
            throw new IOException(UserException.reason(e), e);
        }
    }

    @Override
    public long length() throws IOException {
        try {
            return Files.size(path);
        } catch (IOException e) {
            throw new IOException(UserException.reason(e), e);
        }
    }
}
