package org.rekindle.data.shards;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.LongConsumer;
import org.rekindle.data.formats.DataSet;
import org.rekindle.data.formats.Example;
import org.rekindle.data.formats.ExampleReader;
import org.rekindle.data.formats.ReadListener;
import org.rekindle.data.formats.ShardFailure;
import org.rekindle.data.images.ImageDecoder;
import org.rekindle.data.images.ImageException;
import org.rekindle.data.images.ImageHeader;
import org.rekindle.data.stores.Shard;

/** {@code shards verify}: reads all of every shard and tells what a training would leave out. */
public final class ShardVerification {

    private final DataSet dataSet;
    private final boolean decode;
    private final List<String> problems = new ArrayList<>();
    private long examples;

    /**
     * What was found.
     *
     * @param examples read
     * @param problems one line each, which names shard, member and byte as far as they are known
     */
    public record Found(long examples, List<String> problems) {}

    private ShardVerification(DataSet dataSet, boolean decode) {
        this.dataSet = dataSet;
        this.decode = decode;
    }

    /**
     * Verifies.
     *
     * @param decode whether to decode every image; otherwise its header is read
     * @param progress is told how many examples are read
     */
    public static Found verify(DataSet dataSet, boolean decode, LongConsumer progress) {
        ShardVerification verification = new ShardVerification(dataSet, decode);
        dataSet.shards().forEach(shard -> verification.verify(shard, progress));
        return new Found(verification.examples, verification.problems);
    }

    private void verify(Shard shard, LongConsumer progress) {
        ReadListener listener = new ReadListener() {
            @Override
            public void corrupt(String where, String why) {
                problems.add(where + ": " + why);
            }
        };
        Set<String> keys = new HashSet<>();
        try (ExampleReader reader = dataSet.format().open(shard, listener)) {
            for (Example example = reader.next(); example != null; example = reader.next()) {
                verify(example);
                if (!keys.add(example.key())) {
                    problems.add(example.name() + ": another example of the shard has this key");
                }
                progress.accept(++examples);
            }
        } catch (ShardFailure e) {
            problems.add(e.getMessage());
        }
    }

    private void verify(Example example) {
        if (example.captions().isEmpty()) {
            problems.add(example.name() + ": no caption");
        }
        if (example.image() == null) {
            problems.add(example.name() + ": no image");
        } else {
            verifyImage(example);
        }
        try {
            if (example.metadata() != null && !example.metadata().read().isObject()) {
                problems.add(example.name() + ": its json is no object");
            }
        } catch (IOException e) {
            problems.add(example.name() + ": its json is not JSON");
        }
    }

    private void verifyImage(Example example) {
        try {
            byte[] image = example.image().read();
            if (decode) {
                new ImageDecoder(1).decode(image);
            } else {
                ImageHeader.read(image);
            }
        } catch (ImageException | IOException e) {
            problems.add(example.name() + ": " + e.getMessage());
        }
    }
}
