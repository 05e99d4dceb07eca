package org.rekindle.data.formats;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.rekindle.data.Sha256;
import org.rekindle.data.UserException;
import org.rekindle.data.stores.LocalShard;
import org.rekindle.data.stores.Shard;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The index files of tar shards: {@code x.tar.index} beside a local shard, or all of them in a folder of their own.
 *
 * @param folder for the indexes of shards that lie elsewhere; null to look beside local shards only
 */
public record ShardIndexes(Path folder) {

    private static final Logger LOG = LoggerFactory.getLogger(ShardIndexes.class);
    private static final ObjectMapper JSON = new ObjectMapper();

    /** Returns whether a shard has an index that fits it. */
    public boolean isThere(Shard shard) {
        return fitting(shard, Long.MAX_VALUE).isPresent();
    }

    /** Returns where to begin reading in order to come to an example: the shard's start unless it has an index that fits it. */
    ShardIndex.Place place(Shard shard, long example) {
        return fitting(shard, example).map(index -> index.place(example)).orElse(ShardIndex.Place.START);
    }

    /** Returns how many examples a shard has; empty unless it has an index that fits it. */
    OptionalLong examples(Shard shard) {
        return fitting(shard, 0).stream()
                .mapToLong(index -> index.members().size())
                .findFirst();
    }

    private Optional<ShardIndex> fitting(Shard shard, long example) {
        Optional<Path> file = file(shard).filter(Files::exists);
        if (file.isEmpty()) {
            return Optional.empty();
        }
        try {
            ShardIndex index = JSON.readValue(file.get().toFile(), ShardIndex.class);
            if (index.version() == ShardIndex.VERSION
                    && index.length() == shard.length()
                    && isAt(shard, index, index.place(example))) {
                return Optional.of(index);
            }
            LOG.warn("{} does not fit its shard and is not used: make it again (rekindle shards index)", file.get());
        } catch (IOException e) {
            LOG.warn("{} cannot be read and is not used ({})", file.get(), e.getMessage());
        }
        return Optional.empty();
    }

    /** Shards that are made again may be as long as before, since tars are padded: what begins there tells. */
    private static boolean isAt(Shard shard, ShardIndex index, ShardIndex.Place place) {
        if (place.example() == 0) {
            return true;
        }
        try (TarMembers tar = WebDatasetFormat.members(shard, place.offset())) {
            return index.members().get((int) place.example()).equals(tar.next());
        } catch (ShardFailure e) {
            // No header is there. A store that fails is reported by the reading from the start.
            return false;
        }
    }

    /**
     * Reads a shard's headers and writes its index.
     *
     * @return the index file
     * @throws ShardFailure when the shard cannot be read to its end
     * @throws UserException when the index cannot be written, or the shard is compressed: nothing can be sought there
     */
    public Path write(Shard shard) {
        Path file = file(shard)
                .orElseThrow(() -> new UserException("shard " + shard.location()
                        + " is not on this machine: give index_folder, a folder for the indexes"));
        if (WebDatasetFormat.isCompressed(shard)) {
            throw new UserException(
                    "shard " + shard.location() + " is compressed, nothing can be sought in it: unpack it");
        }
        List<Long> offsets = new ArrayList<>();
        List<String> members = new ArrayList<>();
        ReadListener listener = new ReadListener() {
            @Override
            public void example(String member, long offset) {
                offsets.add(offset);
                members.add(member);
            }
        };
        try (ExampleReader reader = WebDatasetFormat.DEFAULT.open(shard, index -> false, 0, listener)) {
            reader.next();
        }
        try {
            Files.createDirectories(file.toAbsolutePath().getParent());
            Path unfinished = file.resolveSibling("." + file.getFileName() + ".unfinished");
            JSON.writeValue(unfinished.toFile(), new ShardIndex(shard.length(), offsets, members));
            return Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw new UserException("index " + file + " cannot be written (" + UserException.reason(e) + ")", e);
        }
    }

    /** Shards of one name in two buckets must not share an index. */
    private Optional<Path> file(Shard shard) {
        if (folder != null) {
            String hash = Sha256.of(shard.location()).substring(0, 12);
            return Optional.of(folder.resolve(shard.name() + "." + hash + ".index"));
        }
        return shard instanceof LocalShard local
                ? Optional.of(local.path().resolveSibling(shard.name() + ".index"))
                : Optional.empty();
    }
}
