package org.rekindle.data.shards;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import org.rekindle.data.UserException;

/**
 * How far {@code shards make} came: {@code NAME.make.json} beside the first shard. It is replaced as a whole after each shard, so that a
 * command that is given again goes on behind the last whole one.
 *
 * @param recipe what makes the shards; another recipe in the same place is refused
 * @param finished whether the source came to its end
 * @param shards the whole ones
 */
record MakeRecord(String recipe, boolean finished, List<Shard> shards) {

    private static final ObjectMapper JSON = new ObjectMapper();

    /**
     * @param name file name
     * @param bytes its size
     * @param examples in it
     * @param skipped examples of the source that were left out while it was filled
     */
    record Shard(String name, long bytes, long examples, long skipped) {

        /** Examples of the source up to its end, from its beginning. */
        long taken() {
            return examples + skipped;
        }
    }

    /**
     * Reads the record beside a first shard; an empty one where there is none. Shards that are gone, or not what they were, are forgotten
     * with those after them.
     *
     * @throws UserException when another recipe made the shards
     */
    static MakeRecord open(Path first, String recipe) {
        Path file = file(first);
        if (!Files.exists(file)) {
            return new MakeRecord(recipe, false, List.of());
        }
        try {
            MakeRecord record = JSON.readValue(file.toFile(), MakeRecord.class);
            if (!record.recipe.equals(recipe)) {
                throw new UserException(first + " was made by other arguments, or from an input that has changed since;"
                        + " choose another out, or delete " + file + " and its shards");
            }
            List<Shard> whole = new ArrayList<>();
            for (Shard shard : record.shards) {
                Path path = first.resolveSibling(shard.name);
                if (!Files.exists(path) || Files.size(path) != shard.bytes) {
                    return new MakeRecord(recipe, false, whole);
                }
                whole.add(shard);
            }
            return record;
        } catch (IOException e) {
            throw new UserException(file + " cannot be read (" + e.getMessage() + "); delete it to begin anew", e);
        }
    }

    MakeRecord with(Shard shard) {
        List<Shard> more = new ArrayList<>(shards);
        more.add(shard);
        return new MakeRecord(recipe, finished, more);
    }

    MakeRecord finish() {
        return new MakeRecord(recipe, true, shards);
    }

    void write(Path first) {
        Path file = file(first);
        try {
            Path unfinished = file.resolveSibling("." + file.getFileName() + ".unfinished");
            JSON.writerWithDefaultPrettyPrinter().writeValue(unfinished.toFile(), this);
            Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw new UserException(file + " cannot be written (" + UserException.reason(e) + ")", e);
        }
    }

    private static Path file(Path first) {
        return first.resolveSibling(first.getFileName() + ".make.json");
    }
}
