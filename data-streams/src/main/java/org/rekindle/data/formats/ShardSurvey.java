package org.rekindle.data.formats;

import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;
import org.rekindle.data.DatasetConfig;
import org.rekindle.data.UserException;
import org.rekindle.data.shards.BraceExpansion;
import org.rekindle.data.stores.Shard;
import org.rekindle.data.stores.Stores;

/**
 * Which shards a path names, told by this machine alone: no store is asked, no command is run.
 *
 * @param local shards on this machine; they are there and of the data set's format
 * @param remote shards elsewhere
 * @param listed locations elsewhere of which only their store can tell the shards
 * @param examples in all shards, before filters; empty where a shard has no index that tells
 */
public record ShardSurvey(int local, int remote, List<String> listed, OptionalLong examples) {

    /**
     * Looks at the shards on this machine as {@link DataSet#open} does, and counts the others.
     *
     * @param key the configuration's key of the path, for errors
     * @throws UserException as {@link DataSet#open}
     */
    public static ShardSurvey of(DatasetConfig config, String key, String path) {
        List<String> locations = Stores.locations(key, path);
        List<String> here = locations.stream()
                .filter(location -> !Stores.isRemote(location))
                .toList();
        List<Shard> local = here.isEmpty() ? DataSet.of(config, List.of()).shards() : open(config, key, here);
        List<String> listed = locations.stream().filter(Stores::isListed).toList();
        int remote = locations.size() - here.size() - listed.size();
        boolean all = remote == 0 && listed.isEmpty();
        return new ShardSurvey(local.size(), remote, listed, all ? examples(config, local) : OptionalLong.empty());
    }

    /** Shards that are made at the start: as many as the pattern names. */
    public static ShardSurvey toBeMade(String pattern, OptionalLong examples) {
        return new ShardSurvey(BraceExpansion.expand(pattern).size(), 0, List.of(), examples);
    }

    private static List<Shard> open(DatasetConfig config, String key, List<String> locations) {
        return DataSet.open(config, key, String.join("::", locations)).shards();
    }

    private static OptionalLong examples(DatasetConfig config, List<Shard> shards) {
        String folder = config.params().indexFolder();
        ShardIndexes indexes = new ShardIndexes(folder == null ? null : Path.of(folder));
        long sum = 0;
        for (Shard shard : shards) {
            OptionalLong examples = indexes.examples(shard);
            if (examples.isEmpty()) {
                return examples;
            }
            sum += examples.getAsLong();
        }
        return OptionalLong.of(sum);
    }

    /** Shards that are known. */
    public int count() {
        return local + remote;
    }
}
