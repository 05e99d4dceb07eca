package org.rekindle.data.shards;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.LongConsumer;
import org.rekindle.data.UserException;
import org.rekindle.data.filters.MetadataFilter;
import org.rekindle.data.filters.MetadataFilters;
import org.rekindle.data.formats.ShardFailure;
import org.rekindle.data.formats.TarExamples;
import org.rekindle.data.stores.LocalShard;
import org.rekindle.data.stores.Shard;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * {@code shards reshard}: copies the examples that pass the filters into new shards, all their members as they are, so that a training
 * need not read past the others.
 */
public final class Resharder {

    private static final Logger LOG = LoggerFactory.getLogger(Resharder.class);

    private final List<Path> names;
    private final String pattern;
    private final int examplesPerShard;
    private final MetadataFilters filters;
    private final Map<String, Long> rejected = new TreeMap<>();
    private int shard;
    private ShardWriter writer;
    private long read;
    private long written;

    /**
     * What was copied.
     *
     * @param shards new shards
     * @param examples copied
     * @param read examples of the old shards
     * @param rejected examples by the filter that was the first to reject them
     */
    public record Made(int shards, long examples, long read, Map<String, Long> rejected) {}

    private Resharder(String pattern, int examplesPerShard, Map<String, String> filters) {
        this.names = BraceExpansion.expand(pattern).stream().map(Path::of).toList();
        this.pattern = pattern;
        this.examplesPerShard = examplesPerShard;
        this.filters = MetadataFilters.parse(filters);
    }

    /**
     * Copies.
     *
     * @param shards the old ones; what is damaged in them is left out with a warning
     * @param pattern the new ones in brace notation; each has its name once it is whole
     * @param examplesPerShard in each new shard but the last
     * @param progress is told how many examples are read
     * @throws UserException when nothing passes, the pattern names too few shards or one of the old ones, or a file cannot be written
     */
    public static Made reshard(
            List<Shard> shards,
            String pattern,
            int examplesPerShard,
            Map<String, String> filters,
            LongConsumer progress) {
        if (examplesPerShard < 1) {
            throw new UserException("examples_per_shard is " + examplesPerShard + ", allowed is at least 1");
        }
        Resharder resharder = new Resharder(pattern, examplesPerShard, filters);
        resharder.requireApart(shards);
        try {
            shards.forEach(each -> resharder.copy(each, progress));
            return resharder.finish();
        } finally {
            if (resharder.writer != null) {
                resharder.writer.close();
            }
        }
    }

    private void requireApart(List<Shard> shards) {
        for (Shard each : shards) {
            if (each instanceof LocalShard local
                    && names.stream().anyMatch(name -> name.toAbsolutePath()
                            .normalize()
                            .equals(local.path().toAbsolutePath().normalize()))) {
                throw new UserException("out names " + each.location() + ", which is also read: choose other names");
            }
        }
    }

    private void copy(Shard old, LongConsumer progress) {
        try (TarExamples examples = TarExamples.open(old)) {
            for (List<TarExamples.Member> members = examples.next(); !members.isEmpty(); members = examples.next()) {
                progress.accept(++read);
                if (passes(old, members)) {
                    write(members);
                }
            }
        } catch (ShardFailure e) {
            LOG.warn("{}; what follows in this shard is left out", e.getMessage());
        }
    }

    private boolean passes(Shard old, List<TarExamples.Member> members) {
        byte[] json = members.stream()
                .filter(member -> member.suffix().equals("json"))
                .map(TarExamples.Member::bytes)
                .findFirst()
                .orElse(null);
        try {
            Optional<MetadataFilter> rejecting = filters.rejecting(MetadataFilters.metadata(json));
            rejecting.ifPresent(filter -> rejected.merge(filter.name(), 1L, Long::sum));
            return rejecting.isEmpty();
        } catch (IOException e) {
            LOG.warn(
                    "left out {}#{}: its json member is not JSON",
                    old.name(),
                    members.get(0).key());
            return false;
        }
    }

    private void write(List<TarExamples.Member> members) {
        if (writer == null) {
            if (shard >= names.size()) {
                throw new UserException(pattern + " names " + names.size() + " shards of " + examplesPerShard
                        + " examples, more pass: name more shards or raise examples_per_shard");
            }
            writer = new ShardWriter(names.get(shard));
        }
        for (int i = 0; i < members.size(); i++) {
            writer.member(members.get(i).name(), members.get(i).bytes(), i == members.size() - 1);
        }
        written++;
        if (writer.examples() == examplesPerShard) {
            publish();
        }
    }

    private void publish() {
        writer.publish();
        writer = null;
        shard++;
    }

    private Made finish() {
        if (writer != null) {
            publish();
        }
        if (written == 0) {
            throw new UserException("none of " + read + " examples passes the filters " + rejected + ": relax them");
        }
        return new Made(shard, written, read, rejected);
    }
}
