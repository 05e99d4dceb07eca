package org.rekindle.data.lanes;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * What went through the stages of a lane since it was opened. Blocks that are read again after a resume count again.
 *
 * @param members tar members read
 * @param bytes bytes of these members
 * @param examples groups of members with one key
 * @param withoutImage examples without a jpg, jpeg, png or webp member
 * @param withoutCaption examples without a txt member
 * @param rejected examples per filter that was the first to reject them, by filter such as {@code pwatermark<=0.5}
 * @param corrupt members or images that could not be read; each is named in a warning of the log
 * @param skippedShards shard ranges that were given up before their end
 * @param decoded images decoded, cropped and resized
 * @param batches batches handed out
 */
public record StageCounts(
        long members,
        long bytes,
        long examples,
        long withoutImage,
        long withoutCaption,
        Map<String, Long> rejected,
        long corrupt,
        long skippedShards,
        long decoded,
        long batches) {

    /** Says in words how many examples there were and what became of those that were left out. */
    String losses() {
        List<String> reasons = new ArrayList<>();
        rejected.forEach((filter, count) -> reasons.add(count + " rejected by " + filter));
        addReason(reasons, withoutImage, "without an image (jpg, jpeg, png, webp)");
        addReason(reasons, withoutCaption, "without a caption (txt)");
        addReason(reasons, corrupt, "corrupt, named in the log");
        addReason(reasons, skippedShards, "shards given up");
        return examples + " examples" + (reasons.isEmpty() ? "" : ", " + String.join(", ", reasons));
    }

    private static void addReason(List<String> reasons, long count, String reason) {
        if (count > 0) {
            reasons.add(count + " " + reason);
        }
    }
}
