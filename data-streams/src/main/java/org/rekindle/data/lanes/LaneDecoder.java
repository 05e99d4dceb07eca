package org.rekindle.data.lanes;

import java.io.IOException;
import org.rekindle.data.formats.Example;
import org.rekindle.data.images.ImageDecoder;
import org.rekindle.data.images.ImageException;

/** Decodes the candidates of a lane; a damaged image is counted, named in a warning and left out. Any number of threads. */
record LaneDecoder(ImageDecoder images) {

    LaneItem decode(LaneItem.Candidate candidate, StageCounters counters) {
        byte[] pixels = pixels(candidate.example(), counters);
        if (pixels == null) {
            return new LaneItem.Damaged();
        }
        counters.decoded();
        return new LaneItem.Decoded(candidate.example().name(), pixels, candidate.caption(), candidate.after());
    }

    /** Returns whether an example can be decoded. */
    boolean decodes(Example example, StageCounters counters) {
        return pixels(example, counters) != null;
    }

    private byte[] pixels(Example example, StageCounters counters) {
        try {
            return images.decode(example.image().read());
        } catch (ImageException | IOException e) {
            counters.corrupt(example.name(), e.getMessage());
            return null;
        }
    }
}
