package org.rekindle.worker.training;

import java.io.IOException;
import java.util.List;
import java.util.Optional;
import org.rekindle.data.UserException;
import org.rekindle.data.formats.DataSet;
import org.rekindle.data.formats.Example;
import org.rekindle.data.formats.ExampleReader;
import org.rekindle.data.formats.ReadListener;
import org.rekindle.data.images.ImageException;
import org.rekindle.data.latents.EncodedExample;
import org.rekindle.data.latents.LatentsKey;
import org.rekindle.data.stores.LocalShard;
import org.rekindle.data.stores.Shard;

/**
 * Refuses latents that were not computed with a run's own models.
 *
 * @param run hashes and resolution of the run
 */
record FreshLatents(LatentsKey run) {

    /** @throws UserException saying what differs */
    void require(LatentsKey key, String where) {
        String difference = key.differenceFrom(run);
        if (difference != null) {
            throw new UserException(
                    where + ": its latents are of " + difference
                            + "; compute them anew (rekindle latents config=... out=...), or name those of this run's pipeline");
        }
    }

    /**
     * Looks at the first whole example of each shard on this machine; of other shards, where each look is a transfer, at the first that has
     * one.
     *
     * @throws UserException when it was computed with other models, or when there is none
     */
    void require(DataSet dataSet) {
        boolean found = false;
        for (Shard shard : dataSet.shards()) {
            if (!found || shard instanceof LocalShard) {
                Optional<LatentsKey> key = first(dataSet, shard);
                key.ifPresent(present -> require(present, shard.location()));
                found |= key.isPresent();
            }
        }
        if (!found) {
            throw new UserException(dataSet.shards().get(0).location() + ": no example has a whole member KEY."
                    + EncodedExample.SUFFIX + ": dataset.type Latents takes shards that rekindle latents has made");
        }
    }

    private static Optional<LatentsKey> first(DataSet dataSet, Shard shard) {
        try (ExampleReader reader = dataSet.of(List.of(shard)).all(ReadListener.NONE)) {
            for (Example example = reader.next(); example != null; example = reader.next()) {
                if (example.image() != null) {
                    try {
                        return Optional.of(
                                EncodedExample.read(example.image().read()).key());
                    } catch (ImageException | IOException e) {
                        // The training leaves it out too, and says why; another example tells as much.
                        continue;
                    }
                }
            }
        }
        return Optional.empty();
    }
}
