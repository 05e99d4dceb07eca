package org.rekindle.data.lanes;

import java.io.IOException;
import org.rekindle.data.DatasetConfig;
import org.rekindle.data.UserException;
import org.rekindle.data.formats.Example;
import org.rekindle.data.images.Framing;
import org.rekindle.data.images.ImageDecoder;
import org.rekindle.data.images.ImageException;

/** Decodes the candidates of a lane; a damaged image is counted, named in a warning and left out. Any number of threads. */
record LaneDecoder(ImageDecoder images) {

    static LaneDecoder of(DatasetConfig.Params params) {
        Long most = params.maxImagePixels();
        return new LaneDecoder(new ImageDecoder(params.resolution(), most == null ? ImageDecoder.MAX_PIXELS : most));
    }

    LaneItem decode(LaneItem.Candidate candidate, StageCounters counters) {
        byte[] pixels = pixels(candidate.example(), candidate.framing(), counters);
        if (pixels == null) {
            return new LaneItem.Damaged();
        }
        counters.usable();
        return new LaneItem.Decoded(candidate, pixels);
    }

    /** Decodes what could be decoded before, in another size. */
    LaneItem.Decoded again(LaneItem.Candidate candidate) {
        try {
            return new LaneItem.Decoded(
                    candidate, images.decode(candidate.example().image().read(), candidate.framing()));
        } catch (ImageException | IOException e) {
            throw new UserException(candidate.example().name() + " cannot be decoded any more: " + e.getMessage(), e);
        }
    }

    /** Returns whether an example can be decoded. */
    boolean decodes(Example example, StageCounters counters) {
        return pixels(example, Framing.centre(images.resolution(), images.resolution()), counters) != null;
    }

    private byte[] pixels(Example example, Framing framing, StageCounters counters) {
        long since = System.nanoTime();
        int bytes = 0;
        try {
            byte[] image = example.image().read();
            bytes = image.length;
            return images.decode(image, framing);
        } catch (ImageException | IOException e) {
            counters.corrupt(example.name(), e.getMessage());
            return null;
        } finally {
            counters.decoded(bytes, since);
        }
    }
}
