package org.rekindle.worker.pipeline;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.rekindle.data.UserException;
import org.rekindle.data.shards.ShardList;

/** The captions of WebDataset shards, {@code .txt} members, without their images. */
final class ShardCaptions {

    private ShardCaptions() {}

    /** @param path shards in brace notation */
    static Stream<String> of(String path) {
        return ShardList.resolve(path).stream().flatMap(shard -> captions(shard).stream());
    }

    private static List<String> captions(Path shard) {
        List<String> captions = new ArrayList<>();
        try (TarArchiveInputStream tar =
                new TarArchiveInputStream(new BufferedInputStream(Files.newInputStream(shard)))) {
            for (TarArchiveEntry entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
                if (entry.isFile() && entry.getName().toLowerCase(Locale.ROOT).endsWith(".txt")) {
                    captions.add(new String(tar.readAllBytes(), StandardCharsets.UTF_8));
                }
            }
        } catch (IOException e) {
            throw new UserException(
                    shard + ": captions cannot be read (" + e.getMessage() + "); expected a WebDataset tar", e);
        }
        return captions;
    }
}
