package org.rekindle.data.lanes;

import java.util.ArrayList;
import java.util.List;
import org.rekindle.data.DatasetConfig;
import org.rekindle.data.KeyedRandom;
import org.rekindle.data.formats.Example;

/** What flows from a lane's blocks to its batches. */
sealed interface LaneItem {

    /**
     * An accepted example on its way to the decoder.
     *
     * @param caption empty where caption dropout struck
     * @param after where the lane stands once it is consumed
     */
    record Candidate(Example example, String caption, LaneCursor after) implements LaneItem {}

    /**
     * A decoded example.
     *
     * @param pixels RGB bytes of shape (resolution, resolution, 3)
     */
    record Decoded(String name, byte[] pixels, String caption, LaneCursor after) implements LaneItem {}

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
            Example example = block.examples().get(i);
            long[] place = {lane, block.start().epoch(), block.start().block(), i};
            items.add(new Candidate(example, caption(example, seed, place, params), block.after(i)));
        }
        if (block.endsEpoch()) {
            items.add(new EpochEnd());
        }
        return items;
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
