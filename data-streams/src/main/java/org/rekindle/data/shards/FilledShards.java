package org.rekindle.data.shards;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.LongConsumer;
import java.util.stream.Stream;
import org.rekindle.data.UserException;

/** Fills one shard after the other, each published when it is whole; goes on behind those that an earlier command finished. */
record FilledShards(
        List<Path> names, String pattern, ShardMaker.Options options, String recipe, LongConsumer progress) {

    ShardMaker.Made make(ShardSource source) {
        MakeRecord record = MakeRecord.open(names.get(0), recipe);
        return record.finished() ? made(record) : made(goOn(source, record));
    }

    private ShardMaker.Made made(MakeRecord record) {
        long examples =
                record.shards().stream().mapToLong(MakeRecord.Shard::examples).sum();
        long skipped =
                record.shards().stream().mapToLong(MakeRecord.Shard::skipped).sum();
        ShardMaker.requireExamples(examples, skipped);
        return new ShardMaker.Made(names.subList(0, record.shards().size()), examples, skipped);
    }

    private MakeRecord goOn(ShardSource source, MakeRecord done) {
        MakeRecord record = done;
        long taken = done.shards().stream().mapToLong(MakeRecord.Shard::taken).sum();
        long written =
                done.shards().stream().mapToLong(MakeRecord.Shard::examples).sum();
        ShardWriter writer = null;
        try (Stream<ShardExample> examples = source.examples(taken);
                StoredExamples stored = new StoredExamples(examples.iterator(), options)) {
            long skipped = 0;
            while (stored.hasNext()) {
                Optional<ShardExample> example = stored.next();
                if (example.isEmpty()) {
                    skipped++;
                    continue;
                }
                if (writer == null) {
                    writer = new ShardWriter(name(record.shards().size()));
                }
                writer.add(example.get());
                progress.accept(++written);
                if (isFull(writer)) {
                    record = publish(writer, record, skipped);
                    writer = null;
                    skipped = 0;
                }
            }
            if (writer != null) {
                record = publish(writer, record, skipped);
            } else if (record.shards().isEmpty()) {
                ShardMaker.requireExamples(0, skipped);
            }
            record = record.finish();
            record.write(names.get(0));
            return record;
        } finally {
            if (writer != null) {
                writer.close();
            }
        }
    }

    private boolean isFull(ShardWriter writer) {
        return options.examplesPerShard() != null
                ? writer.examples() >= options.examplesPerShard()
                : writer.bytes() >= options.shardBytes();
    }

    private MakeRecord publish(ShardWriter writer, MakeRecord record, long skipped) {
        writer.publish();
        Path shard = names.get(record.shards().size());
        try {
            MakeRecord more = record.with(new MakeRecord.Shard(
                    shard.getFileName().toString(), Files.size(shard), writer.examples(), skipped));
            more.write(names.get(0));
            return more;
        } catch (IOException e) {
            throw new UserException(shard + " cannot be read (" + UserException.reason(e) + ")", e);
        }
    }

    private Path name(int shard) {
        if (shard >= names.size()) {
            throw new UserException(pattern + " names " + names.size() + " shards"
                    + (options.examplesPerShard() == null ? "" : " of " + options.examplesPerShard() + " examples")
                    + ", the source has more: name more shards or raise "
                    + (options.examplesPerShard() == null ? "shard_bytes" : "examples_per_shard"));
        }
        return names.get(shard);
    }
}
