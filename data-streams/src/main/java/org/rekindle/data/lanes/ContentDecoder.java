package org.rekindle.data.lanes;

import org.rekindle.data.images.ImageDecoder;
import org.rekindle.data.images.ImageException;
import org.rekindle.data.latents.EncodedExample;

/** What becomes of an example's bytes; any number of threads. */
interface ContentDecoder {

    /** @throws ImageException when the bytes are damaged; the message follows the example's name */
    DecodedContent decode(byte[] bytes, LaneItem.Candidate candidate) throws ImageException;

    /** Images to pixels. */
    record OfImages(ImageDecoder images) implements ContentDecoder {

        @Override
        public DecodedContent decode(byte[] bytes, LaneItem.Candidate candidate) throws ImageException {
            return new DecodedContent.Pixels(images.decode(bytes, candidate.framing()));
        }
    }

    /**
     * Precomputed latents, which need no decoding but a look; whose they are is the taker's matter.
     */
    record OfLatents() implements ContentDecoder {

        @Override
        public DecodedContent decode(byte[] bytes, LaneItem.Candidate candidate) throws ImageException {
            EncodedExample encoded = EncodedExample.read(bytes);
            int states = encoded.states().shape().get(0);
            int captions = candidate.example().captions().size();
            if (states != captions) {
                throw new ImageException(
                        "it has text states of " + states + " captions, and " + captions + " captions");
            }
            return new DecodedContent.Latents(encoded);
        }
    }
}
