package org.rekindle.data.lanes;

import org.rekindle.data.images.ImageDecoder;
import org.rekindle.data.images.ImageException;

/** Decodes the candidates of a lane; a damaged image is counted, named in a warning and left out. Any number of threads. */
record LaneDecoder(ImageDecoder images, StageCounters counters) {

    LaneItem decode(LaneItem item) {
        if (!(item instanceof LaneItem.Candidate candidate)) {
            return item;
        }
        String name = candidate.example().name();
        try {
            byte[] pixels = images.decode(candidate.example().image());
            counters.decoded();
            return new LaneItem.Decoded(name, pixels, candidate.caption(), candidate.after());
        } catch (ImageException e) {
            counters.corrupt(name, e.getMessage());
            return new LaneItem.Damaged();
        }
    }
}
