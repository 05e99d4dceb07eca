package org.rekindle.data.stores;

import java.io.IOException;
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
    public SeekableBytes open(long offset) throws IOException {
        if (Files.isDirectory(path)) {
            throw new IOException("it is a folder");
        }
        try {
            SeekableBytes bytes = new SeekableBytes(FileChannel.open(path, StandardOpenOption.READ));
            bytes.seek(offset);
            return bytes;
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
