package org.rekindle.data.lanes;

import java.util.ArrayList;
import java.util.List;
import org.apache.commons.rng.UniformRandomProvider;
import org.rekindle.data.DatasetConfig;
import org.rekindle.data.KeyedRandom;
import org.rekindle.data.formats.Example;
import org.rekindle.data.images.Framing;

/** What flows from a lane's blocks to its batches. */
sealed interface LaneItem {

    /**
     * An accepted example on its way to the decoder.
     *
     * @param captionIndex which of its captions; -1 where caption dropout struck
     * @param framing the part of the image that is seen, and the size it is brought to
     * @param after where the lane stands once it is consumed
     */
    record Candidate(Example example, int captionIndex, Framing framing, LaneCursor after) implements LaneItem {

        /** Empty where caption dropout struck. */
        String caption() {
            return captionIndex < 0 ? "" : example.captions().get(captionIndex);
        }

        /** The same candidate in another size. */
        Candidate of(ImageSize size) {
            return new Candidate(example, captionIndex, framing.of(size.width(), size.height()), after);
        }

        ImageSize size() {
            return new ImageSize(framing.width(), framing.height());
        }
    }

    /**
     * A decoded example.
     *
     * @param content its pixels, or its latents
     */
    record Decoded(Candidate candidate, DecodedContent content) implements LaneItem {}

    /** An image that could not be decoded: the lane moves past it. */
    record Damaged() implements LaneItem {}

    /** The end of the lane's walk of an epoch. */
    record EpochEnd() implements LaneItem {}

    /**
     * Returns a block's items. What is drawn for an example comes from a generator of its own, keyed by where it stands in the lane, so
     * that a resumed lane draws the same.
     */
    static List<LaneItem> of(Block block, long seed, int lane, DatasetConfig.Params params) {
        List<LaneItem> items = new ArrayList<>(block.examples().size() + 1);
        for (int i = block.start().offset(); i < block.examples().size(); i++) {
            Accepted accepted = block.examples().get(i);
            Example example = accepted.example();
            long[] place = {lane, block.start().epoch(), block.start().block(), i};
            int caption = caption(example, seed, place, params);
            Framing framing = framing(accepted.size(), seed, place, params);
            items.add(new Candidate(example, caption, framing, block.after(i)));
        }
        if (block.endsEpoch()) {
            items.add(new EpochEnd());
        }
        return items;
    }

    private static Framing framing(ImageSize size, long seed, long[] place, DatasetConfig.Params params) {
        double x = 0.5;
        double y = 0.5;
        if (params.randomCrop()) {
            UniformRandomProvider random = KeyedRandom.of(seed, "crop", place);
            x = random.nextDouble();
            y = random.nextDouble();
        }
        boolean flip =
                params.horizontalFlip() && KeyedRandom.of(seed, "flip", place).nextBoolean();
        return new Framing(size.width(), size.height(), x, y, flip);
    }

    private static int caption(Example example, long seed, long[] place, DatasetConfig.Params params) {
        boolean drop = params.textDropout() > 0
                && KeyedRandom.of(seed, "caption dropout", place).nextDouble() < params.textDropout();
        if (drop) {
            return -1;
        }
        int captions = example.captions().size();
        boolean choose = captions > 1 && params.multiCaption().equals(DatasetConfig.Params.RANDOM);
        return choose ? KeyedRandom.of(seed, "caption", place).nextInt(captions) : 0;
    }
}
