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
     * Precomputed latents, which need no decoding but a look.
     *
     * @param resolution that they must have been computed at
     */
    record OfLatents(int resolution) implements ContentDecoder {

        @Override
        public DecodedContent decode(byte[] bytes, LaneItem.Candidate candidate) throws ImageException {
            EncodedExample encoded = EncodedExample.read(bytes);
            if (encoded.key().resolution() != resolution) {
                throw new ImageException("its latents are of " + encoded.key().resolution()
                        + " px, dataset.params.resolution is " + resolution);
            }
            int states = encoded.states().shape().get(0);
            if (candidate.captionIndex() >= states) {
                throw new ImageException("it has text states of " + states + " captions, but more captions");
            }
            return new DecodedContent.Latents(encoded);
        }
    }
}
