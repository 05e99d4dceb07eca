package org.rekindle.data.lanes;

import java.io.IOException;
import org.rekindle.data.DatasetConfig;
import org.rekindle.data.UserException;
import org.rekindle.data.formats.DataSet;
import org.rekindle.data.formats.Example;
import org.rekindle.data.images.Framing;
import org.rekindle.data.images.ImageDecoder;
import org.rekindle.data.images.ImageException;

/** Decodes the candidates of a lane; what is damaged is counted, named in a warning and left out. Any number of threads. */
record LaneDecoder(ContentDecoder contents, int resolution) {

    static LaneDecoder of(DataSet dataSet) {
        DatasetConfig.Params params = dataSet.params();
        Long most = params.maxImagePixels();
        ContentDecoder contents = dataSet.config().type().equals(DatasetConfig.LATENTS)
                ? new ContentDecoder.OfLatents()
                : new ContentDecoder.OfImages(
                        new ImageDecoder(params.resolution(), most == null ? ImageDecoder.MAX_PIXELS : most));
        return new LaneDecoder(contents, params.resolution());
    }

    LaneItem decode(LaneItem.Candidate candidate, StageCounters counters) {
        DecodedContent content = content(candidate, counters);
        if (content == null) {
            return new LaneItem.Damaged();
        }
        counters.usable();
        return new LaneItem.Decoded(candidate, content);
    }

    /** Decodes what could be decoded before, in another size. */
    LaneItem.Decoded again(LaneItem.Candidate candidate) {
        try {
            byte[] bytes = candidate.example().image().read();
            return new LaneItem.Decoded(candidate, contents.decode(bytes, candidate));
        } catch (ImageException | IOException e) {
            throw new UserException(candidate.example().name() + " cannot be decoded any more: " + e.getMessage(), e);
        }
    }

    /** Returns whether an example can be decoded. */
    boolean decodes(Example example, StageCounters counters) {
        Framing centre = Framing.centre(resolution, resolution);
        return content(new LaneItem.Candidate(example, 0, centre, LaneCursor.START), counters) != null;
    }

    private DecodedContent content(LaneItem.Candidate candidate, StageCounters counters) {
        long since = System.nanoTime();
        int length = 0;
        try {
            byte[] bytes = candidate.example().image().read();
            length = bytes.length;
            return contents.decode(bytes, candidate);
        } catch (ImageException | IOException e) {
            counters.corrupt(candidate.example().name(), e.getMessage());
            return null;
        } finally {
            counters.decoded(length, since);
        }
    }
}
