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
     * @param caption empty where caption dropout struck
     * @param framing the part of the image that is seen, and the size it is brought to
     * @param after where the lane stands once it is consumed
     */
    record Candidate(Example example, String caption, Framing framing, LaneCursor after) implements LaneItem {

        /** The same candidate in another size. */
        Candidate of(ImageSize size) {
            return new Candidate(example, caption, framing.of(size.width(), size.height()), after);
        }

        ImageSize size() {
            return new ImageSize(framing.width(), framing.height());
        }
    }

    /**
     * A decoded example.
     *
     * @param pixels RGB bytes of shape (height, width, 3)
     */
    record Decoded(Candidate candidate, byte[] pixels) implements LaneItem {}

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
            String caption = caption(example, seed, place, params);
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

    private static String caption(Example example, long seed, long[] place, DatasetConfig.Params params) {
        boolean drop = params.textDropout() > 0
                && KeyedRandom.of(seed, "caption dropout", place).nextDouble() < params.textDropout();
        if (drop) {
            return "";
        }
        List<String> captions = example.captions();
        boolean choose = captions.size() > 1 && params.multiCaption().equals(DatasetConfig.Params.RANDOM);
        return captions.get(choose ? KeyedRandom.of(seed, "caption", place).nextInt(captions.size()) : 0);
    }
}
