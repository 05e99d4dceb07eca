package org.rekindle.data.lanes;

import java.util.List;

/**
 * What one lane gives to one step.
 *
 * @param lane the lane
 * @param content the images, or what the frozen models made of them
 * @param captions one per image; empty where caption dropout struck
 * @param keys one per image: {@code shard#key}, for messages and the ledger
 * @param before where the lane stood before this batch
 * @param after where the lane stands once the batch is committed
 */
public record LaneBatch(
        int lane, BatchContent content, List<String> captions, List<String> keys, LaneCursor before, LaneCursor after) {

    /** Puts decoded examples of one size together, of which there is at least one. */
    static LaneBatch of(int lane, List<LaneItem.Decoded> examples, LaneCursor before) {
        return new LaneBatch(
                lane,
                BatchContent.of(examples),
                examples.stream().map(decoded -> decoded.candidate().caption()).toList(),
                examples.stream()
                        .map(decoded -> decoded.candidate().example().name())
                        .toList(),
                before,
                examples.get(examples.size() - 1).candidate().after());
    }

    public int size() {
        return captions.size();
    }
}
