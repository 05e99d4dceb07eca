package org.rekindle.data.formats;

import java.io.IOException;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.LongPredicate;
import org.rekindle.data.stores.Shard;

/**
 * Groups the members of a tar into examples as WebDataset does: the key of a member is its path up to the first dot of the base name,
 * what follows is its suffix, in lower case; a new key or a suffix that the example already has starts the next example. Members
 * without a suffix and those named {@code __x__} are passed over.
 */
final class WebDatasetReader implements ExampleReader {

    private final WebDatasetFormat format;
    private final TarMembers tar;
    private final LaterRead images;
    private final String shard;
    private final LongPredicate wanted;
    private final ReadListener listener;
    private String pending;
    private ShardFailure failure;
    private long index;
    private boolean ended;

    /**
     * @param tar at the header of an example
     * @param images reads members of this tar later; null where a member that is passed over is gone
     * @param first index of the example that {@code tar} is at
     */
    WebDatasetReader(
            WebDatasetFormat format,
            TarMembers tar,
            LaterRead images,
            Shard shard,
            long first,
            LongPredicate wanted,
            ReadListener listener) {
        this.format = format;
        this.tar = tar;
        this.images = images;
        this.shard = shard.name();
        this.index = first - 1;
        this.wanted = wanted;
        this.listener = listener;
    }

    @Override
    public Example next() {
        while (true) {
            if (failure != null) {
                throw failure;
            }
            String first = pending == null && !ended ? nextMember() : pending;
            pending = null;
            if (first == null) {
                ended = true;
                return null;
            }
            Example example = group(first);
            if (example != null) {
                return example;
            }
        }
    }

    /** Reads the example that begins with the current member; null when it is not wanted or the shard breaks off within it. */
    private Example group(String first) {
        index++;
        listener.example(first, tar.header());
        boolean read = wanted.test(index);
        String key = MemberNames.key(first);
        Parts parts = new Parts();
        Set<String> suffixes = new HashSet<>();
        String member = first;
        try {
            while (member != null && MemberNames.key(member).equals(key) && suffixes.add(MemberNames.suffix(member))) {
                if (read) {
                    take(parts, member);
                }
                member = nextMember();
            }
        } catch (ShardFailure e) {
            failure = e;
            String within = tar.failedMember();
            boolean cut = !e.isDamage() || (within != null && key.equals(MemberNames.key(within)));
            return read && !cut ? parts.example(key) : null;
        }
        pending = member;
        ended = member == null;
        return read ? parts.example(key) : null;
    }

    private void take(Parts parts, String member) {
        String suffix = MemberNames.suffix(member);
        int image = format.images().indexOf(suffix);
        if (image < 0 && !format.reads(suffix)) {
            return;
        }
        if (tar.size() > Example.MAX_MEMBER_BYTES) {
            listener.corrupt(shard + "#" + member, "the member is larger than an example may be (256 MiB)");
        } else if (image < 0) {
            parts.texts.put(suffix, bytes());
        } else if (image < parts.imageRank) {
            parts.imageRank = image;
            parts.image = images == null ? EncodedImage.of(bytes()) : later();
        }
    }

    private byte[] bytes() {
        byte[] bytes = tar.read();
        listener.member(bytes.length);
        return bytes;
    }

    private EncodedImage later() {
        long position = tar.position();
        int size = (int) tar.size();
        return new EncodedImage() {
            @Override
            public byte[] read() {
                listener.member(size);
                try {
                    return images.read(position, size);
                } catch (IOException e) {
                    throw ShardFailure.unavailable(
                            "shard " + shard + " cannot be read at byte " + position + " (" + e.getMessage() + ")", e);
                }
            }

            @Override
            public EncodedImage kept() {
                return EncodedImage.of(read());
            }
        };
    }

    private String nextMember() {
        String member;
        do {
            member = tar.next();
        } while (member != null && MemberNames.isPassedOver(member));
        if (member == null && index < 0) {
            listener.corrupt(shard, "the tar holds no example");
        }
        return member;
    }

    @Override
    public void close() {
        tar.close();
        if (images != null) {
            images.close();
        }
    }

    /** What an example is put together from. */
    private final class Parts {
        private final Map<String, byte[]> texts = new HashMap<>();
        private EncodedImage image;
        private int imageRank = Integer.MAX_VALUE;

        Example example(String key) {
            return format.example(shard, key, index, image, texts, listener);
        }
    }
}
