package org.rekindle.worker.pipeline;

import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.rekindle.data.formats.DataSet;
import org.rekindle.data.formats.Example;
import org.rekindle.data.formats.ExampleReader;
import org.rekindle.data.formats.ReadListener;

/** The captions of a data set. */
final class ShardCaptions {

    private ShardCaptions() {}

    /** Returns all captions; the caller closes the stream. */
    static Stream<String> of(DataSet dataSet) {
        ExampleReader reader = dataSet.all(ReadListener.NONE);
        return Stream.generate(reader::next)
                .takeWhile(Objects::nonNull)
                .map(Example::captions)
                .flatMap(List::stream)
                .onClose(reader::close);
    }
}
