package org.rekindle.data.shards;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.rekindle.data.UserException;
import org.rekindle.data.formats.WebDatasetFormat;
import org.rekindle.data.stores.LocalShard;
import org.rekindle.data.stores.Shard;

/** Resolves {@code dataset.params.path}, or another key of the configuration, to the shards it names. */
public final class ShardList {

    private ShardList() {}

    /**
     * Returns the files of a path in brace notation, in its order, after a look at the beginning of each: what is wrong shows at the
     * start of a run, not days into it.
     *
     * @throws UserException when the path is absent or malformed, or when a shard is missing, unreadable or no tar
     */
    public static List<Shard> resolve(String path) {
        return resolve("dataset.params.path", path);
    }

    /** @param key the configuration's key, for errors */
    public static List<Shard> resolve(String key, String path) {
        if (path == null || path.isBlank()) {
            throw new UserException(key + " is not set: name the shards, such as data/shard-{000..009}.tar");
        }
        List<Path> files = BraceExpansion.expand(path).stream().map(Path::of).toList();
        List<Path> missing = files.stream().filter(file -> !Files.exists(file)).toList();
        if (!missing.isEmpty()) {
            throw new UserException(
                    key + ": " + missing.size() + " of " + files.size() + " shards missing, the first is "
                            + missing.get(0) + "; correct the path or make the shards (rekindle shards make)");
        }
        List<Shard> shards = LocalShard.of(files);
        shards.forEach(WebDatasetFormat::requireTar);
        return shards;
    }
}
