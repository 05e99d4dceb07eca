package org.rekindle.coordinator.checkpoints;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.List;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import org.rekindle.data.stores.Bucket;
import org.rekindle.data.stores.Bucket.Content;

/**
 * {@code checkpoints/index.json} of a run in a bucket: what it names is committed, all else is not. Every change replaces the version that
 * it was made from, so that of several writers each sees what the others did before.
 *
 * @param fence the oldest generation whose checkpoints are taken; see {@link Fence}
 * @param lineage the generation that began at the checkpoint that the run went back to last
 * @param checkpoints folders of checkpoints by step; no two attempts to write one have the same
 */
record CheckpointIndex(long fence, long lineage, NavigableMap<Long, String> checkpoints) {

    static final String NAME = "index.json";

    private static final CheckpointIndex NONE = new CheckpointIndex(0, 0, new TreeMap<>());

    CheckpointIndex {
        checkpoints = Collections.unmodifiableNavigableMap(
                checkpoints == null ? new TreeMap<>() : new TreeMap<>(checkpoints));
    }

    static CheckpointIndex read(Bucket bucket) throws IOException {
        Optional<Content> content = bucket.read(NAME);
        return content.isEmpty() ? NONE : parse(content.get());
    }

    private static CheckpointIndex parse(Content content) throws IOException {
        return CheckpointJson.read(content.bytes(), CheckpointIndex.class);
    }

    /**
     * Changes it.
     *
     * @param change called again where somebody else was faster; may throw
     * @return what it was changed to
     */
    static CheckpointIndex change(Bucket bucket, UnaryOperator<CheckpointIndex> change) throws IOException {
        while (true) {
            Optional<Content> content = bucket.read(NAME);
            CheckpointIndex now = content.isEmpty() ? NONE : parse(content.get());
            CheckpointIndex next = change.apply(now);
            if (next.equals(now)) {
                return now;
            }
            byte[] bytes = CheckpointJson.text(next).getBytes(StandardCharsets.UTF_8);
            Optional<String> written = content.isEmpty()
                    ? bucket.create(NAME, bytes)
                    : bucket.replace(NAME, bytes, content.get().version());
            if (written.isPresent()) {
                return next;
            }
        }
    }

    CheckpointIndex raised(long generation) {
        return new CheckpointIndex(Math.max(fence, generation), lineage, checkpoints);
    }

    CheckpointIndex inLineage(long generation) {
        return new CheckpointIndex(Math.max(fence, generation), Math.max(lineage, generation), checkpoints);
    }

    CheckpointIndex with(long step, String folder) {
        TreeMap<Long, String> more = new TreeMap<>(checkpoints);
        more.put(step, folder);
        return new CheckpointIndex(fence, lineage, more);
    }

    /** @param folders of which those that it names are no longer committed */
    CheckpointIndex without(List<String> folders) {
        TreeMap<Long, String> fewer = new TreeMap<>(checkpoints);
        fewer.values().removeAll(folders);
        return new CheckpointIndex(fence, lineage, fewer);
    }

    boolean names(String folder) {
        return checkpoints.containsValue(folder);
    }

    /** @throws FencedException when the run went on without that generation */
    void pass(String run, long generation) {
        if (generation < fence) {
            throw new FencedException(run + ": generation " + generation
                    + " writes no checkpoint any more, the run went on in generation " + fence);
        }
    }
}
