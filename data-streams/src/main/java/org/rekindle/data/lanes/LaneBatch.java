package org.rekindle.data.lanes;

import java.util.List;
import org.rekindle.data.images.Framing;

/**
 * What one lane gives to one step.
 *
 * @param lane the lane
 * @param content the images
 * @param captions one per image; empty where caption dropout struck
 * @param keys one per image: {@code shard#key}, for messages and the ledger
 * @param before where the lane stood before this batch
 * @param after where the lane stands once the batch is committed
 */
public record LaneBatch(
        int lane, BatchContent content, List<String> captions, List<String> keys, LaneCursor before, LaneCursor after) {

    /** Puts decoded examples of one size together, of which there is at least one. */
    static LaneBatch of(int lane, List<LaneItem.Decoded> examples, LaneCursor before) {
        Framing size = examples.get(0).candidate().framing();
        int imageBytes = size.height() * size.width() * 3;
        byte[] pixels = new byte[Math.multiplyExact(examples.size(), imageBytes)];
        for (int i = 0; i < examples.size(); i++) {
            System.arraycopy(examples.get(i).pixels(), 0, pixels, i * imageBytes, imageBytes);
        }
        return new LaneBatch(
                lane,
                new BatchContent.Pixels(pixels, size.height(), size.width()),
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
