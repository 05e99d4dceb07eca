package org.rekindle.data.lanes;

import java.util.ArrayList;
import java.util.List;
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
     * Returns a block's items. Caption dropout draws from a generator of its own for each example, keyed by where it stands in the
     * lane, so that a resumed lane drops the same captions.
     */
    static List<LaneItem> of(Block block, long seed, int lane, double textDropout) {
        List<LaneItem> items = new ArrayList<>(block.examples().size() + 1);
        LaneCursor start = block.start();
        for (int i = block.first(); i < block.examples().size(); i++) {
            boolean drop = textDropout > 0
                    && KeyedRandom.of(seed, "caption dropout", lane, start.epoch(), start.block(), i)
                                    .nextDouble()
                            < textDropout;
            Example example = block.examples().get(i);
            items.add(new Candidate(example, drop ? "" : example.caption(), block.after(i)));
        }
        if (block.endsEpoch()) {
            items.add(new EpochEnd());
        }
        return items;
    }
}
