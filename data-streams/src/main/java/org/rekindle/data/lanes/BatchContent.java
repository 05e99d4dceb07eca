package org.rekindle.data.lanes;

import java.util.ArrayList;
import java.util.List;
import org.rekindle.data.UserException;
import org.rekindle.data.images.Framing;
import org.rekindle.data.latents.EncodedExample;
import org.rekindle.data.latents.LatentsKey;
import org.rekindle.data.latents.TensorBytes;

/** What a batch holds beside its captions. */
public sealed interface BatchContent {

    /**
     * Images.
     *
     * @param rgb bytes of shape (batch, height, width, 3)
     */
    record Pixels(byte[] rgb, int height, int width) implements BatchContent {

        @Override
        public long bytes() {
            return rgb.length;
        }
    }

    /**
     * What the frozen models made of images and captions.
     *
     * @param key what it was computed with
     * @param moments of shape (batch, 2 latent channels, height, width)
     * @param states encoder_hidden_states of shape (batch, length, width); of a dropped caption those of the caption
     * @param dropped whether caption dropout struck, per example
     */
    record Encoded(LatentsKey key, TensorBytes moments, TensorBytes states, List<Boolean> dropped)
            implements BatchContent {

        @Override
        public long bytes() {
            return moments.bytes().length + states.bytes().length;
        }
    }

    /** Its size in bytes. */
    long bytes();

    /** Puts decoded examples of one size together, of which there is at least one. */
    static BatchContent of(List<LaneItem.Decoded> examples) {
        return examples.get(0).content() instanceof DecodedContent.Pixels ? pixels(examples) : encoded(examples);
    }

    private static BatchContent pixels(List<LaneItem.Decoded> examples) {
        Framing size = examples.get(0).candidate().framing();
        int imageBytes = size.height() * size.width() * 3;
        byte[] pixels = new byte[Math.multiplyExact(examples.size(), imageBytes)];
        for (int i = 0; i < examples.size(); i++) {
            byte[] rgb = ((DecodedContent.Pixels) examples.get(i).content()).rgb();
            System.arraycopy(rgb, 0, pixels, i * imageBytes, imageBytes);
        }
        return new Pixels(pixels, size.height(), size.width());
    }

    private static BatchContent encoded(List<LaneItem.Decoded> examples) {
        EncodedExample first = ((DecodedContent.Latents) examples.get(0).content()).encoded();
        int momentBytes = first.moments().bytes().length;
        int stateBytes = first.states().stride();
        byte[] moments = new byte[Math.multiplyExact(examples.size(), momentBytes)];
        byte[] states = new byte[Math.multiplyExact(examples.size(), stateBytes)];
        List<Boolean> dropped = new ArrayList<>();
        for (int i = 0; i < examples.size(); i++) {
            LaneItem.Candidate candidate = examples.get(i).candidate();
            EncodedExample each = ((DecodedContent.Latents) examples.get(i).content()).encoded();
            if (!each.key().equals(first.key())
                    || !each.moments().shape().equals(first.moments().shape())
                    || each.states().stride() != stateBytes) {
                throw new UserException(candidate.example().name() + " has latents of " + each.inWords() + ", "
                        + examples.get(0).candidate().example().name() + " of " + first.inWords()
                        + ": make the latents of all shards with one command (rekindle latents)");
            }
            int caption = Math.max(0, candidate.captionIndex());
            System.arraycopy(each.moments().bytes(), 0, moments, i * momentBytes, momentBytes);
            System.arraycopy(each.states().bytes(), caption * stateBytes, states, i * stateBytes, stateBytes);
            dropped.add(candidate.captionIndex() < 0);
        }
        return new Encoded(
                first.key(),
                new TensorBytes(batched(examples.size(), first.moments().shape()), moments),
                new TensorBytes(
                        batched(
                                examples.size(),
                                first.states()
                                        .shape()
                                        .subList(1, first.states().shape().size())),
                        states),
                dropped);
    }

    private static List<Integer> batched(int size, List<Integer> shape) {
        List<Integer> batched = new ArrayList<>(List.of(size));
        batched.addAll(shape);
        return batched;
    }
}
